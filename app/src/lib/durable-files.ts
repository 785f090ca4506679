import { constants } from 'node:fs';
import { chmod, copyFile, open, rename, rm } from 'node:fs/promises';

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

/** A copy whose bytes are on the disk when this resolves (shared with the original where that can be); not yet its name. */
export async function copyDurably(from: string, to: string): Promise<void> {
  // An earlier copy is not written over: it may have the rights of its original, which may be for reading only.
  await rm(to, { force: true });
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o600);
  const handle = await open(to, 'r');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
