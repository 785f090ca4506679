import { createHash } from 'node:crypto';
import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { decodeSnapshot, encodeSnapshot } from './snapshot-file.ts';
import type { StoredState } from './task.ts';

const ending = '.kv';
const unfinished = '.part';
/** On a slow disk states wait in memory, up to this and one more. */
const mostPendingBytes = 512 * 1024 * 1024;

export interface SnapshotOptions {
  directory: string;
  budgetBytes: number;
  /** All that a state depends on besides its tokens: weights, rope, KV type, attention, release. */
  basis: string;
  maxPendingBytes?: number;
  log(level: 'info' | 'warn', message: string, fields: object): void;
}

/** Files of a chat begin with this, whatever model they are of: who deletes a chat deletes them by it. */
export function snapshotPrefix(stateKey: string): string {
  return `${shortHash(stateKey)}-`;
}

function isSnapshot(name: string): boolean {
  return name.endsWith(ending) || name.endsWith(unfinished);
}

/** Of a chat, or of any. */
function isOf(stateKey: string | null, name: string): boolean {
  return stateKey === null || name.startsWith(snapshotPrefix(stateKey));
}

/** Deletes the states of a chat, null: of all, under every model; also where no engine runs. */
export async function deleteSnapshots(directory: string, stateKey: string | null): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const own = names.filter((name) => isSnapshot(name) && isOf(stateKey, name));
  const outcomes = await Promise.allSettled(own.map((name) => rm(join(directory, name), { force: true })));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/**
 * KV states of chats on disk, one file for a chat under one model, settings and set of adapters; the least recently
 * used go when the budget is reached. A file that is not whole and of this very basis is deleted, never loaded.
 */
export class Snapshots {
  readonly #options: SnapshotOptions;
  /** Writes follow one another, so that the last state of a chat is the one that stays. */
  #writing: Promise<void> = Promise.resolve();
  /** States on their way to the disk: they are read from here meanwhile. */
  readonly #pending = new Map<string, StoredState>();
  saved = 0;
  refused = 0;

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  get isWriting(): boolean {
    return this.#pending.size > 0;
  }

  get budgetBytes(): number {
    return this.#options.budgetBytes;
  }

  /** So much waits for the disk that nothing should be added. */
  get isBehind(): boolean {
    const waiting = [...this.#pending.values()].reduce((sum, { state }) => sum + state.length, 0);
    return waiting > (this.#options.maxPendingBytes ?? mostPendingBytes);
  }

  /** Null where there is none that can be used. */
  async read(stateKey: string, adapterKey: string): Promise<StoredState | null> {
    const path = this.#path(stateKey, adapterKey);
    const pending = this.#pending.get(path);
    // A copy, because the memory is somebody else's as soon as the file is written.
    if (pending !== undefined) return { ...pending, state: Buffer.from(pending.state) };
    if (this.#sizeOf(path) === 0) return null;
    try {
      const stored = decodeSnapshot(this.#basis(adapterKey), await readFile(path));
      const now = new Date();
      utimesSync(path, now, now);
      return stored;
    } catch (error) {
      this.refused++;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log('warn', 'A saved chat state was not used', { reason });
      await rm(path, { force: true });
      return null;
    }
  }

  /**
   * Written aside, synced and renamed: a crash leaves the old file or the new one. Never rejects. When it has ended
   * the state is not looked at any more. No state takes the room of one that was used later than at `usedMs`.
   */
  save(stateKey: string, adapterKey: string, stored: StoredState, usedMs = Date.now()): Promise<boolean> {
    if (this.isBehind) return Promise.resolve(false);
    const path = this.#path(stateKey, adapterKey);
    this.#pending.set(path, stored);
    const result = this.#writing.then(async () => {
      // A later state of the same chat, or its end, has overtaken this one.
      if (this.#pending.get(path) !== stored) return false;
      const isSaved = await this.#write(path, adapterKey, { stored, usedMs });
      if (this.#pending.get(path) === stored) this.#pending.delete(path);
      return isSaved;
    });
    this.#writing = result.then(() => undefined);
    return result;
  }

  /** Whether anything of a chat lies on disk, whatever adapters it was read with; what is on its way there counts. */
  async keeps(stateKey: string): Promise<boolean> {
    await this.#writing;
    return this.#names().some((name) => isOf(stateKey, name) && name.endsWith(ending));
  }

  /** Null: all of them. */
  async drop(stateKey: string | null): Promise<void> {
    for (const path of this.#pending.keys()) {
      if (isOf(stateKey, basename(path))) this.#pending.delete(path);
    }
    await this.#writing;
    for (const name of this.#names()) {
      if (isOf(stateKey, name)) rmSync(join(this.#options.directory, name), { force: true });
    }
  }

  /** Waits for all that is on its way. */
  async settle(): Promise<void> {
    await this.#writing;
  }

  async #write(
    path: string,
    adapterKey: string,
    { stored, usedMs }: { stored: StoredState; usedMs: number },
  ): Promise<boolean> {
    const { directory } = this.#options;
    const aside = `${path}${unfinished}`;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const pieces = encodeSnapshot(this.#basis(adapterKey), stored);
      const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      if (!this.#makeRoom(sizeBytes, { replaced: path, usedMs })) return false;
      const file = await open(aside, 'w', 0o600);
      try {
        const { bytesWritten } = await file.writev(pieces);
        // A disk that is nearly full takes a part, and says so in no other way.
        if (bytesWritten < sizeBytes)
          throw new Error(`only ${bytesWritten} of ${sizeBytes} bytes found room`);
        await file.utimes(new Date(usedMs), new Date(usedMs));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(aside, path);
      this.saved++;
      return true;
    } catch (error) {
      await rm(aside, { force: true }).catch(() => undefined);
      this.#options.log('warn', 'A chat state could not be saved', { reason: String(error) });
      return false;
    }
  }

  /** Deletes the least recently used until this one fits; false where it would take those that were used later. */
  #makeRoom(sizeBytes: number, { replaced, usedMs }: { replaced: string; usedMs: number }): boolean {
    const files = this.#names()
      .map((name) => join(this.#options.directory, name))
      .filter((path) => path !== replaced)
      .map((path) => ({ path, ...this.#stat(path) }))
      .sort((a, b) => a.usedMs - b.usedMs);
    let excess = files.reduce((sum, file) => sum + file.sizeBytes, sizeBytes) - this.#options.budgetBytes;
    const leaving: string[] = [];
    for (const file of files) {
      if (excess <= 0 || file.usedMs > usedMs) break;
      leaving.push(file.path);
      excess -= file.sizeBytes;
    }
    if (excess > 0) return false;
    for (const path of leaving) rmSync(path, { force: true });
    return true;
  }

  #names(): string[] {
    try {
      return readdirSync(this.#options.directory).filter(isSnapshot);
    } catch {
      return [];
    }
  }

  #stat(path: string): { sizeBytes: number; usedMs: number } {
    const stat = statSync(path, { throwIfNoEntry: false });
    // A clock that was put back must not make old states stay for good.
    return { sizeBytes: stat?.size ?? 0, usedMs: Math.min(stat?.mtimeMs ?? 0, Date.now()) };
  }

  #sizeOf(path: string): number {
    return this.#stat(path).sizeBytes;
  }

  #basis(adapterKey: string): string {
    return `${this.#options.basis}|${adapterKey}`;
  }

  #path(stateKey: string, adapterKey: string): string {
    return join(
      this.#options.directory,
      `${snapshotPrefix(stateKey)}${shortHash(this.#basis(adapterKey))}${ending}`,
    );
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
