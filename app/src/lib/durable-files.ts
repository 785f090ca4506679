import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, open, rename, rm } from 'node:fs/promises';

const pieceBytes = 4 << 20;

/** Makes a rename or a new name in this folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * The file appears complete under its name, or not at all. `aside` is a name in the same folder that nobody else uses.
 * `beforeNamed` is done once the content is on the disk, so that a disk without room has failed before; where it fails
 * itself, the file does not appear.
 */
export async function writeDurably(
  place: { folder: string; path: string; aside: string },
  content: string | Uint8Array,
  beforeNamed?: () => Promise<void>,
): Promise<void> {
  try {
    const handle = await open(place.aside, 'w', 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await beforeNamed?.();
    await rename(place.aside, place.path);
    await syncFolder(place.folder);
  } catch (error) {
    await rm(place.aside, { force: true });
    throw error;
  }
}

export interface CopyOptions {
  onProgress: (doneBytes: number) => void;
  signal: AbortSignal;
  /** Throws where the disk has no room; what is shared with the original needs none. */
  checkRoom?: () => void;
}

/** A copy whose bytes are on the disk when this resolves (shared with the original where that can be); not yet its name. */
export async function copyDurably(from: string, to: string, options: CopyOptions): Promise<void> {
  // An earlier copy is not written over: it may have the rights of its original, which may be for reading only.
  await rm(to, { force: true });
  if (await isShared(from, to)) await chmod(to, 0o600);
  else await copyPieces(from, to, options);
  const handle = await open(to, 'r');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Few file systems can; whatever else is the matter, copying says it. */
function isShared(from: string, to: string): Promise<boolean> {
  return copyFile(from, to, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
}

/** In pieces, since the system's own way to copy can neither be stopped nor says how far it is. */
async function copyPieces(from: string, to: string, options: CopyOptions): Promise<void> {
  const { checkRoom, onProgress, signal } = options;
  checkRoom?.();
  const handle = await open(to, 'w', 0o600);
  let doneBytes = 0;
  try {
    // Made where it is read: a stream that is stopped while nobody reads it would end the process.
    const pieces: AsyncIterable<Buffer> = createReadStream(from, { highWaterMark: pieceBytes, signal });
    for await (const piece of pieces) {
      await handle.writeFile(piece);
      doneBytes += piece.length;
      onProgress(doneBytes);
    }
  } finally {
    await handle.close();
  }
}
