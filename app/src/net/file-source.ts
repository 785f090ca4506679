import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { AppError } from '../contracts/app-error.ts';
import type { ByteSource } from '../formats/byte-source.ts';

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

const streamPieceBytes = 1 << 20;

/** Opens a regular file for reading; `not-found`, `not-permitted`, or `file-unsafe` for anything that is no file. */
export async function openFileSource(path: string): Promise<FileSource> {
  const name = basename(path);
  // Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw openFailed(name, error);
  });
  try {
    const { size } = await regularFile(handle, name);
    const read = (offset: number, length: number): Promise<Uint8Array> =>
      readExactly(handle, { name, size, offset, length });
    return {
      name,
      sizeBytes: size,
      read,
      async *stream(offset, signal) {
        for (let at = offset; at < size; at += streamPieceBytes) {
          signal?.throwIfAborted();
          yield await read(at, Math.min(streamPieceBytes, size - at));
        }
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function regularFile(handle: FileHandle, name: string): Promise<{ size: number }> {
  const stats = await handle.stat();
  if (stats.isFile()) return stats;
  throw new AppError('file-unsafe', `${name} is not a regular file.`, {
    hint: 'Name a file, not a folder or a device.',
  });
}

interface Span {
  name: string;
  size: number;
  offset: number;
  length: number;
}

async function readExactly(handle: FileHandle, span: Span): Promise<Uint8Array> {
  const { name, offset, length, size } = span;
  const bytes = Buffer.allocUnsafe(length >= 0 && offset + length <= size ? length : 0);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  if (done === length) return bytes;
  throw new AppError('file-invalid', `${name} ends at byte ${size}, before ${offset} + ${length}.`, {
    hint: 'The file is cut short; fetch it again.',
    details: { name, offset, length, sizeBytes: size },
  });
}

function openFailed(name: string, error: unknown): AppError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new AppError('not-found', `There is no file ${name}.`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new AppError('not-permitted', `${name} may not be read by this user.`, { cause: error });
  }
  return new AppError('input-output', `${name} cannot be opened (${code}).`, { cause: error });
}
