import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { AppError } from '../../contracts/app-error.ts';
import { type FileSource, openFileSource } from '../../net/file-source.ts';
import type { RepositoryFiles, WeightShard } from '../convert/convert-types.ts';
import type { Repository } from './repository.ts';

/** A folder with the files of a repository has them at its top, or one level below. */
const maxDepth = 2;
const maxEntries = 5000;
const maxSmallFileBytes = 64 << 20;

/** A Hugging Face folder on this machine, or a single GGUF file. `not-found` where there is neither. */
export async function openFolderRepository(folder: string): Promise<Repository> {
  const root = resolve(folder);
  const stats = await stat(root).catch(() => undefined);
  const isFile = stats?.isFile() === true && /\.gguf$/i.test(root);
  if (stats?.isDirectory() !== true && !isFile) {
    throw new AppError('not-found', `There is no folder ${root}.`, {
      hint: 'Name a folder or a .gguf file.',
    });
  }
  const paths = isFile ? new Map([[basename(root), root]]) : await listFiles(root);
  const listed = await Promise.all(
    [...paths].map(async ([path, at]) => {
      const { size, mtimeMs } = await stat(at);
      return { path, sizeBytes: size, modifiedAt: mtimeMs };
    }),
  );
  const opened: FileSource[] = [];
  const name = isFile ? basename(root).replace(/\.gguf$/i, '') : basename(root);
  const content: RepositoryFiles = {
    name,
    version: createHash('sha256').update(JSON.stringify(listed)).digest('hex'),
    names: [...paths.keys()],
    bytes: (file, signal) => readSmall(paths.get(file), signal),
    async shard(file): Promise<WeightShard> {
      const path = paths.get(file);
      if (path === undefined) throw new AppError('not-found', `${name} has no file ${file}.`);
      const source = await openFileSource(path);
      opened.push(source);
      return { source, path };
    },
  };
  return {
    name,
    commit: null,
    licence: null,
    isGated: false,
    files: listed.map(({ path, sizeBytes }) => ({ path, sizeBytes })),
    origin: () => ({ kind: 'import', path: root }),
    checkAccess: () => Promise.resolve(),
    smallFiles: () => [],
    isHere: () => Promise.resolve(true),
    close: async () => {
      await Promise.all(opened.splice(0).map((source) => source.close()));
    },
    content,
    headers: content,
  };
}

async function readSmall(path: string | undefined, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  if (path === undefined) return undefined;
  const { size } = await stat(path);
  if (size > maxSmallFileBytes)
    throw new AppError('file-invalid', `${basename(path)} is larger than any file of its kind.`);
  return readFile(path, signal === undefined ? {} : { signal });
}

/** Regular files by their path below the folder; what they are called was decided on this machine. */
async function listFiles(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (found.size > maxEntries)
        throw new AppError('file-invalid', `${basename(root)} holds too many files.`);
      if (entry.isDirectory() && depth < maxDepth) await walk(path, depth + 1);
      const isFile =
        entry.isFile() || (entry.isSymbolicLink() && (await stat(path).catch(() => undefined))?.isFile());
      if (isFile === true) found.set(relative(root, path).split(sep).join('/'), path);
    }
  };
  await walk(root, 0);
  return found;
}
