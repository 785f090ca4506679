import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
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
  /** Units with the check sums of their bytes, in the order in which they were done. */
  units: Map<number, number>;
  /** So many of them, from the first, are certainly on the disk. */
  syncedUnits: number;
  positions: Map<number, ShardPosition>;
}

/** The longest line is a shard's: its state has some 200 bytes. */
const maximumJournalBytes = 256 * 1024 * 1024;

function emptyState(): JournalState {
  return { units: new Map(), syncedUnits: 0, positions: new Map() };
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
  const { u: unit, c: crc, s: shard, p: position, h: hash, y: synced } = line;
  if (whole(unit) && whole(crc)) state.units.set(unit, crc);
  else if (whole(shard) && whole(position) && typeof hash === 'string')
    state.positions.set(shard, { shard, position, hash });
  else if (whole(synced) && synced <= state.units.size) state.syncedUnits = synced;
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

/** A journal begins with what is known to be done: nothing, or what an earlier run left and was found sound. */
export type JournalStart = Pick<JournalState, 'units' | 'positions'>;

const unitLine = (unit: number, crc: number): string => JSON.stringify({ u: unit, c: crc });
const positionLine = ({ shard, position, hash }: ShardPosition): string =>
  JSON.stringify({ s: shard, p: position, h: hash });

/** Append-only record of a conversion; each line is written in one piece, so a killed process leaves whole lines. */
export class ConversionJournal {
  readonly #path: string;
  readonly #handle: FileHandle;
  #pending: string[] = [];
  #pendingUnits = 0;
  #writtenUnits: number;
  /** Writes go one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string, handle: FileHandle, units: number) {
    this.#path = path;
    this.#handle = handle;
    this.#writtenUnits = units;
  }

  /** Begins a journal in place of any older one. What `start` lists must be on the disk already. */
  static async begin(path: string, planHash: string, start: JournalStart): Promise<ConversionJournal> {
    const lines = [
      JSON.stringify({ plan: planHash }),
      ...[...start.units].map(([unit, crc]) => unitLine(unit, crc)),
      ...[...start.positions.values()].map(positionLine),
      JSON.stringify({ y: start.units.size }),
    ];
    const handle = await open(`${path}.new`, 'w', 0o600);
    await handle.appendFile(`${lines.join('\n')}\n`);
    await handle.datasync();
    await rename(`${path}.new`, path);
    return new ConversionJournal(path, handle, start.units.size);
  }

  done({ unit, crc }: DoneUnit): void {
    this.#pending.push(unitLine(unit, crc));
    this.#pendingUnits += 1;
  }

  reached(position: ShardPosition): void {
    this.#pending.push(positionLine(position));
  }

  async #append(text: string): Promise<void> {
    const written = this.#last.then(() => this.#handle.appendFile(text));
    this.#last = written.catch(() => undefined);
    await written;
  }

  /** Writes what is pending: enough for a process that is killed, not for a machine that loses power. */
  async write(): Promise<void> {
    if (this.#pending.length === 0) return;
    const lines = this.#pending;
    this.#pending = [];
    this.#writtenUnits += this.#pendingUnits;
    this.#pendingUnits = 0;
    await this.#append(`${lines.join('\n')}\n`);
  }

  /** Marks every unit written so far as on the disk, once `force` has put their bytes there. */
  async sync(force: () => Promise<void>): Promise<void> {
    await this.write();
    const units = this.#writtenUnits;
    await force();
    await this.#append(`${JSON.stringify({ y: units })}\n`);
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#handle.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
  }
}
