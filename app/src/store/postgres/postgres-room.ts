import { toAppError } from '../../contracts/app-error.ts';
import type { Clock } from '../../lib/clock.ts';
import { sizeOfCall, writesText } from '../operations/operations.ts';

/** Without a text as large as what was refused, nobody can tell any more whether there is room: a try will. */
const rememberedMs = 60_000;

/**
 * Whether the disk of the server was full when it was last written to. What free space it has it does not tell; small
 * writes find some where larger ones do not.
 */
export class PostgresRoom {
  readonly #clock: Clock;
  #refused: { bytes: number; at: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Looks how a call ends that writes. */
  async watch<Value>(name: string, parameters: unknown[], write: () => Promise<Value>): Promise<Value> {
    try {
      const value = await write();
      if (this.#refused && writesText(name) && sizeOfCall(parameters) >= this.#refused.bytes)
        this.#refused = null;
      return value;
    } catch (error) {
      if (toAppError(error).code === 'disk-full') {
        const bytes = Math.max(this.#refused?.bytes ?? 0, sizeOfCall(parameters));
        this.#refused = { bytes, at: this.#clock.now() };
      }
      throw error;
    }
  }

  isFull(): boolean {
    if (this.#refused === null) return false;
    if (Math.abs(this.#clock.now() - this.#refused.at) < rememberedMs) return true;
    this.#refused = null;
    return false;
  }
}
