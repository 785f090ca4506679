import { appendFile, readFile, rm } from 'node:fs/promises';
import { createSHA256, type IHasher } from 'hash-wasm';
import { z } from 'zod';

/** How far a download came: so many bytes are on the disk for certain, and this is the hash over them. */
export interface DownloadState {
  doneBytes: number;
  hasher: IHasher;
}

const lineSchema = z.strictObject({
  doneBytes: z.int().nonnegative(),
  sizeBytes: z.int().nonnegative(),
  sha256: z.string(),
  hashState: z.base64(),
});

/** A line is some 250 bytes and stands for 64 MB; a longer journal is not ours. */
const maxJournalBytes = 16 << 20;

/**
 * What the journal's last whole line says about this very file; else a start from nothing. A line that a crash cut in
 * two, or one that was written for another file, counts as not there.
 */
export async function readDownloadJournal(
  path: string,
  file: { sizeBytes: number; sha256: string },
): Promise<DownloadState> {
  const hasher = await createSHA256();
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.length > maxJournalBytes ? [] : text.split('\n').slice(0, -1);
  for (const line of lines.reverse()) {
    const entry = parseLine(line);
    if (entry === undefined || entry.sha256 !== file.sha256 || entry.sizeBytes !== file.sizeBytes) continue;
    try {
      hasher.load(Buffer.from(entry.hashState, 'base64'));
      return { doneBytes: entry.doneBytes, hasher };
    } catch {
      // Written by another release of the hash: start anew.
      break;
    }
  }
  return { doneBytes: 0, hasher: hasher.init() };
}

/** Call after the bytes themselves are synced. */
export async function appendDownloadJournal(
  path: string,
  file: { sizeBytes: number; sha256: string },
  state: DownloadState,
): Promise<void> {
  const hashState = Buffer.from(state.hasher.save()).toString('base64');
  const line = JSON.stringify({ doneBytes: state.doneBytes, ...file, hashState });
  await appendFile(path, `${line}\n`, { flush: true, mode: 0o600 });
}

export async function removeDownloadJournal(path: string): Promise<void> {
  await rm(path, { force: true });
}

function parseLine(line: string): z.infer<typeof lineSchema> | undefined {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
