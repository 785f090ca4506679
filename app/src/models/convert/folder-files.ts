import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '../../contracts/app-error.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { openFileSource } from '../../net/file-source.ts';
import type { RepositoryFiles } from './convert-types.ts';

/** Small files of a repository: a tokenizer.json is the largest of them. */
const maximumSmallFileBytes = 128 * 1024 * 1024;

/** A file that is open only while it is read: headers are, bodies are read by the worker threads. */
async function localSource(path: string): Promise<ByteSource> {
  const opened = await openFileSource(path);
  const { name, sizeBytes } = opened;
  await opened.close();
  return {
    name,
    sizeBytes,
    read: async (offset, length, signal) => {
      const file = await openFileSource(path);
      try {
        return await file.read(offset, length, signal);
      } finally {
        await file.close();
      }
    },
  };
}

/** A folder on this machine as a repository. Only names that its listing gave are ever opened. */
export async function folderFiles(folder: string, name = basename(folder)): Promise<RepositoryFiles> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new AppError('not-found', `There is no folder ${name}.`, { cause });
  });
  const names = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => entry.name);
  const pathOf = (file: string): string => {
    if (!names.includes(file)) throw new AppError('not-found', `${name} has no file ${file}.`);
    return join(folder, file);
  };
  return {
    name,
    names,
    bytes: async (file) => {
      if (!names.includes(file)) return undefined;
      const { size } = await stat(pathOf(file));
      if (size > maximumSmallFileBytes)
        throw new AppError('file-invalid', `${file} of ${name} is very large.`);
      return await readFile(pathOf(file));
    },
    shard: async (file) => ({ source: await localSource(pathOf(file)), path: pathOf(file) }),
  };
}
