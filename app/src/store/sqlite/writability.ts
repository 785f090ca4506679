import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppError } from '../../contracts/app-error.ts';
import { sizeOfCall, writesText } from '../operations/operations.ts';
import { diskAvailableBytes } from '../../lib/machine.ts';
import type { Reserve } from './reserve.ts';

/**
 * Beside the text itself a write touches pages of tables, of indexes and of the search, and all of them once more when the
 * log is folded up: so much more room is asked, since what others give up on a full disk comes in small pieces.
 */
const overheadBytes = 1024 * 1024;
/** Text is written once to the log and once to the search. */
const copies = 2;
/** More than this nobody has to be ready for: one import of everything must not shut out a day's messages. */
const largestBytes = 1024 * 1024;
/** Who asks whether there is room again may ask often; a try writes. */
const tryEveryMs = 1000;

/**
 * Whether what people write would be taken. After a refusal for want of room small writes may still find some, and say
 * nothing about a write like the one refused: only one of its size does, or a try that there is room for it.
 */
export class Writability {
  readonly #home: string;
  readonly #reserve: Pick<Reserve, 'owedBytes'>;
  /** What the last refusal wanted; null: anything is taken. */
  #wantedBytes: number | null = null;
  #isFull = false;
  #lastTryMs = Number.NEGATIVE_INFINITY;

  constructor(home: string, reserve: Pick<Reserve, 'owedBytes'>) {
    this.#home = home;
    this.#reserve = reserve;
  }

  refused(failure: AppError, parameters: unknown): void {
    const bytes = Math.min(sizeOfCall(parameters), largestBytes);
    this.#wantedBytes = Math.max(this.#wantedBytes ?? 0, bytes);
    this.#isFull ||= failure.code === 'disk-full';
  }

  /** Was committed. Where it was not room that lacked, what it wrote says nothing. */
  taken(name: string, parameters: unknown): void {
    if (this.#wantedBytes === null) return;
    if (!this.#isFull || (writesText(name) && sizeOfCall(parameters) >= this.#wantedBytes)) this.#forget();
  }

  isWritable(): boolean {
    if (this.#wantedBytes === null) return true;
    if (!this.#isFull || !this.#hasRoom(this.#wantedBytes * copies + overheadBytes)) return false;
    this.#forget();
    return true;
  }

  /** Where enough is said to be free, a file is written and taken away: quotas are not in what the system says. */
  #hasRoom(sizeBytes: number): boolean {
    const isSaidToBeFree = diskAvailableBytes(this.#home) >= sizeBytes + this.#reserve.owedBytes();
    if (!isSaidToBeFree || performance.now() - this.#lastTryMs < tryEveryMs) return false;
    this.#lastTryMs = performance.now();
    const path = join(this.#home, 'room');
    try {
      writeFileSync(path, Buffer.alloc(sizeBytes), { mode: 0o600, flush: true });
      return true;
    } catch {
      return false;
    } finally {
      rmSync(path, { force: true });
    }
  }

  #forget(): void {
    this.#wantedBytes = null;
    this.#isFull = false;
  }
}
