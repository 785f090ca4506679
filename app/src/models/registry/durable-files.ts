import { copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { AppError } from '../../contracts/app-error.ts';

/** Makes a rename or a new name in this folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The file appears complete under its name, or not at all. `aside` is a name in the same folder that nobody else uses. */
export async function writeDurably(
  place: { folder: string; path: string; aside: string },
  content: string | Uint8Array,
): Promise<void> {
  try {
    const handle = await open(place.aside, 'w', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(place.aside, place.path);
    await syncFolder(place.folder);
  } catch (error) {
    await rm(place.aside, { force: true });
    throw toStorageError(error);
  }
}

/** A copy whose bytes are on the disk when this resolves (shared with the original where that can be); not yet its name. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  // The copy has the rights of the original, which may be for reading only; that is enough for this.
  const handle = await open(to, 'r');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** sha256 of a file, hex. */
export async function hashFile(
  path: string,
  options: { onProgress?: (doneBytes: number) => void; signal?: AbortSignal } = {},
): Promise<string> {
  const hash = createHash('sha256');
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  let done = 0;
  const stream: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1 << 20, ...signal });
  for await (const chunk of stream) {
    hash.update(chunk);
    done += chunk.length;
    options.onProgress?.(done);
  }
  return hash.digest('hex');
}

/** A failure of the file system as an AppError; ours pass unchanged. */
export function toStorageError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('disk-full', 'The disk of CORRAL_HOME is full.', {
      cause: error,
      hint: 'Make room (`corral rm` a model, `corral list` shows sizes) and pull again: it goes on where it stopped.',
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new AppError('not-permitted', `CORRAL_HOME cannot be written (${code}).`, { cause: error });
  }
  return new AppError('input-output', `Writing to CORRAL_HOME failed (${code || String(error)}).`, {
    cause: error,
  });
}
