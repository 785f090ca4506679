import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import { syncFolder } from '../../lib/durable-files.ts';
import type { HttpSource } from '../../net/http-source.ts';
import { writeFully } from '../registry/file-bytes.ts';
import { toStorageError } from '../registry/storage-error.ts';
import {
  appendDownloadJournal,
  type DownloadState,
  readDownloadJournal,
  removeDownloadJournal,
} from './download-journal.ts';

export interface DownloadOptions {
  /** Makes a fresh source: asked again when the file changed on the server. */
  source: () => HttpSource;
  sizeBytes: number;
  sha256: string;
  place: { folder: string; path: string; part: string; journal: string };
  /** Bytes of this file that are done, found ones included. */
  onProgress?: (doneBytes: number) => void;
  signal?: AbortSignal | undefined;
  /** How often progress is made safe; default 64 MiB. */
  blockBytes?: number;
}

/**
 * Fetches a file so that it appears under its name complete and verified, or not at all. What was synced before a
 * crash, a cut or a cancellation is not fetched again. `hash-mismatch` throws everything away.
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const { place } = options;
  if (await isThere(place.path, options.sizeBytes)) return options.onProgress?.(options.sizeBytes);
  try {
    await fetchAll(options).catch(async (error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'hub-changed') throw error;
      // A mirror may have been replaced in between; a second change is not chance.
      await discard(place);
      await fetchAll(options);
    });
    await rename(place.part, place.path);
    await syncFolder(place.folder);
    await removeDownloadJournal(place.journal);
  } catch (error) {
    if (error instanceof AppError && ['hash-mismatch', 'hub-changed'].includes(error.code))
      await discard(place);
    throw toStorageError(error);
  }
}

async function fetchAll(options: DownloadOptions): Promise<void> {
  const { place } = options;
  const handle = await open(place.part, 'a+', 0o600);
  await handle.close();
  const file = await open(place.part, 'r+');
  try {
    const state = await resume(file, options);
    await receive(file, state, options);
    await file.sync();
    const actual = state.hasher.digest('hex');
    if (actual !== options.sha256) throw mismatch(options, actual);
  } finally {
    await file.close();
  }
}

/** What the journal promises is checked against what is there; the rest of the file is cut off. */
async function resume(file: FileHandle, options: DownloadOptions): Promise<DownloadState> {
  let state = await readDownloadJournal(options.place.journal, identity(options));
  const { size } = await file.stat();
  if (state.doneBytes > size || state.doneBytes > options.sizeBytes) {
    await removeDownloadJournal(options.place.journal);
    state = await readDownloadJournal(options.place.journal, identity(options));
  }
  await file.truncate(state.doneBytes);
  return state;
}

async function receive(file: FileHandle, state: DownloadState, options: DownloadOptions): Promise<void> {
  const blockBytes = options.blockBytes ?? 64 << 20;
  let safeBytes = state.doneBytes;
  const makeSafe = async (): Promise<void> => {
    if (state.doneBytes === safeBytes) return;
    await file.datasync();
    await appendDownloadJournal(options.place.journal, identity(options), state);
    safeBytes = state.doneBytes;
  };
  options.onProgress?.(state.doneBytes);
  if (state.doneBytes === options.sizeBytes) return;
  try {
    for await (const chunk of options.source().stream(state.doneBytes, options.signal)) {
      await writeFully(file, chunk, state.doneBytes);
      state.hasher.update(chunk);
      state.doneBytes += chunk.length;
      if (state.doneBytes - safeBytes >= blockBytes) await makeSafe();
      options.onProgress?.(state.doneBytes);
    }
  } catch (error) {
    // On a full disk this fails as well; the first error is the one to tell.
    await makeSafe().catch(() => undefined);
    throw error;
  }
}

function identity(options: DownloadOptions): { sizeBytes: number; sha256: string } {
  return { sizeBytes: options.sizeBytes, sha256: options.sha256 };
}

async function isThere(path: string, sizeBytes: number): Promise<boolean> {
  // Only a verified file is ever renamed to its name, so its presence is enough.
  return stat(path).then(
    (stats) => stats.isFile() && stats.size === sizeBytes,
    () => false,
  );
}

async function discard(place: DownloadOptions['place']): Promise<void> {
  await rm(place.part, { force: true });
  await removeDownloadJournal(place.journal);
}

function mismatch(options: DownloadOptions, actual: string): AppError {
  return new AppError(
    'hash-mismatch',
    'What was fetched is not what the Hub announced; it was thrown away.',
    {
      hint: 'Pull again; if it stays, the mirror or the connection changes files.',
      details: { expected: options.sha256, actual },
    },
  );
}
