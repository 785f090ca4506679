import { type FileHandle, open, readFile, rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import { planJoin } from '../../formats/gguf/gguf-split.ts';
import { writeDurably } from '../../lib/durable-files.ts';
import { type FileSource, openFileSource } from '../../net/file-source.ts';
import { writeFully } from '../registry/file-bytes.ts';

/** What is kept between two parts, so that a part that is gone is never needed again. */
const stateSchema = z.object({
  sizeBytes: z.number(),
  copies: z.array(z.array(z.object({ from: z.number(), to: z.number(), sizeBytes: z.number() }))),
  /** So many parts are in the whole and on the disk. */
  joined: z.number(),
});
type JoinState = z.infer<typeof stateSchema>;

export interface JoinPlace {
  folder: string;
  /** The whole; it is complete when `joinParts` resolves, and checked by whoever takes it. */
  path: string;
  journal: string;
  journalAside: string;
}

export interface JoinOptions {
  /** All parts in their order; those that are in the whole already need not be there. */
  parts: readonly string[];
  place: JoinPlace;
  /** Deletes each part once it is safely in the whole, so that the disk holds one part twice at most. */
  isConsumed: boolean;
  onProgress: (part: string, doneBytes: number, totalBytes: number) => void;
  signal: AbortSignal;
}

const pieceBytes = 4 << 20;

/** How many parts an earlier run got into the whole. */
export async function partsJoined(place: JoinPlace): Promise<number> {
  return (await readState(place))?.joined ?? 0;
}

/** Makes one GGUF file of the parts of a split one; after a crash it goes on with the part it was at. */
export async function joinParts(options: JoinOptions): Promise<void> {
  const { parts, place, isConsumed } = options;
  const state = (await readState(place)) ?? (await begin(options));
  const whole = await open(place.path, 'r+');
  try {
    while (state.joined < parts.length) {
      const part = parts[state.joined] ?? '';
      await copyPart(whole, part, { state, ...options });
      await whole.datasync();
      state.joined += 1;
      await writeState(place, state);
      if (isConsumed) await rm(part, { force: true });
    }
  } finally {
    await whole.close();
  }
}

async function begin({ parts, place }: JoinOptions): Promise<JoinState> {
  const sources: FileSource[] = [];
  try {
    const opened = [];
    for (const path of parts) {
      const source = await openFileSource(path);
      sources.push(source);
      opened.push({ source, file: await readGguf(source) });
    }
    const { header, copies, sizeBytes } = await planJoin(opened);
    const whole = await open(place.path, 'w', 0o600);
    try {
      await whole.truncate(sizeBytes);
      await writeFully(whole, header, 0);
      await whole.sync();
    } finally {
      await whole.close();
    }
    const state = { sizeBytes, copies, joined: 0 };
    await writeState(place, state);
    return state;
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

async function copyPart(
  whole: FileHandle,
  path: string,
  { state, onProgress, signal }: JoinOptions & { state: JoinState },
): Promise<void> {
  const copies = state.copies[state.joined] ?? [];
  const total = copies.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const source = await openFileSource(path);
  let doneBytes = 0;
  try {
    for (const { from, to, sizeBytes } of copies)
      for (let at = 0; at < sizeBytes; at += pieceBytes) {
        signal.throwIfAborted();
        const bytes = await source.read(from + at, Math.min(pieceBytes, sizeBytes - at));
        await writeFully(whole, bytes, to + at);
        doneBytes += bytes.length;
        onProgress(path, doneBytes, total);
      }
  } finally {
    await source.close();
  }
}

/**
 * What the journal says, where the whole that it speaks of is there: one that was finished and taken away before anybody
 * named it (a kill, a full disk) is made anew.
 */
async function readState({ journal, path }: JoinPlace): Promise<JoinState | undefined> {
  const text = await readFile(journal, 'utf8').catch(() => 'null');
  const state = stateSchema.safeParse(parseJson(text)).data;
  const whole = await stat(path).catch(() => undefined);
  return whole?.size === state?.sizeBytes ? state : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function writeState({ folder, journal, journalAside }: JoinPlace, state: JoinState): Promise<void> {
  await writeDurably({ folder, path: journal, aside: journalAside }, JSON.stringify(state));
}
