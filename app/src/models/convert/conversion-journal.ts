import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { isJsonObject } from '../../formats/json-object.ts';

/** A unit that is done: `crc` is of its bytes in the unfinished file. */
interface DoneUnit {
  unit: number;
  crc: number;
}

/** How far a shard was read in order, and the state of the hash over what was read. */
export interface ShardPosition {
  shard: number;
  position: number;
  /** Saved state of the hash, base64. */
  hash: string;
}

/** What an earlier run left. */
export interface JournalState {
  /** Units with the check sums of their bytes; those before the last `synced` mark are certainly on the disk. */
  units: Map<number, number>;
  synced: Set<number>;
  positions: Map<number, ShardPosition>;
}

/** The longest line is a shard's: its state has some 200 bytes. */
const maximumJournalBytes = 256 * 1024 * 1024;

function emptyState(): JournalState {
  return { units: new Map(), synced: new Set(), positions: new Map() };
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

const whole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function applyLine(state: JournalState, line: Record<string, unknown>): void {
  const { u: unit, c: crc, s: shard, p: position, h: hash } = line;
  if (whole(unit) && whole(crc)) state.units.set(unit, crc);
  else if (whole(shard) && whole(position) && typeof hash === 'string')
    state.positions.set(shard, { shard, position, hash });
  else if (line['y'] === 1) for (const done of state.units.keys()) state.synced.add(done);
}

/** What the journal at `path` says about the plan with this hash; nothing where it is of another plan, or damaged. */
export async function readJournal(path: string, planHash: string): Promise<JournalState> {
  const state = emptyState();
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.length > maximumJournalBytes) return state;
  const [first = '', ...lines] = text.split('\n');
  if (parseLine(first)?.['plan'] !== planHash) return state;
  // The last piece is empty, or a line that was cut short by the end of its process.
  for (const line of lines.slice(0, -1)) {
    const parsed = parseLine(line);
    if (parsed) applyLine(state, parsed);
  }
  return state;
}

/** Append-only record of a conversion; each line is written in one piece, so a killed process leaves whole lines. */
export class ConversionJournal {
  readonly #path: string;
  readonly #handle: FileHandle;
  #pending: string[] = [];

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Begins anew, or goes on behind what `readJournal` read. */
  static async open(path: string, planHash: string, isResumed: boolean): Promise<ConversionJournal> {
    const handle = await open(path, isResumed ? 'a' : 'w', 0o600);
    const journal = new ConversionJournal(path, handle);
    // A cut-off last line must not run into the next one.
    await handle.appendFile(isResumed ? '\n' : `${JSON.stringify({ plan: planHash })}\n`);
    return journal;
  }

  done({ unit, crc }: DoneUnit): void {
    this.#pending.push(JSON.stringify({ u: unit, c: crc }));
  }

  reached({ shard, position, hash }: ShardPosition): void {
    this.#pending.push(JSON.stringify({ s: shard, p: position, h: hash }));
  }

  /** Writes what is pending: enough for a process that is killed, not for a machine that loses power. */
  async write(): Promise<void> {
    if (this.#pending.length === 0) return;
    const lines = this.#pending;
    this.#pending = [];
    await this.#handle.appendFile(`${lines.join('\n')}\n`);
  }

  /** Called after the result's own bytes were forced to the disk. */
  async sync(): Promise<void> {
    await this.#handle.appendFile('{"y":1}\n');
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
  }
}
