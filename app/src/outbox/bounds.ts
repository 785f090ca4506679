import { AppError } from '../contracts/app-error.ts';
import type { OutboxStatus } from '../store/outbox-store.ts';
import type { OutboxOptions } from './outbox.ts';

/** How often the bounds are looked after. */
export const trimIntervalMs = 30_000;
const dayMs = 24 * 60 * 60 * 1000;
const warnAt = 0.8;

/** How much may wait or lie dead, and how long: looked after apart from delivery, which may take hours. */
export class Bounds {
  readonly #options: Omit<OutboxOptions, 'http'>;
  #isClosed = false;
  #keeping: Promise<void> | null = null;
  #trimmedAt = Number.NEGATIVE_INFINITY;
  #refusal: AppError | null = null;
  #hasWarned = false;

  constructor(options: Omit<OutboxOptions, 'http'>) {
    this.#options = options;
  }

  /** Why new answers have to wait; null: they have not. */
  get refusal(): AppError | null {
    return this.#refusal;
  }

  /** May be called as often as one likes. Never rejects: what cannot be looked at now is looked at again. */
  async lookAfter(): Promise<void> {
    if (this.#isClosed) return;
    this.#keeping ??= this.#keep()
      .catch((error: unknown) =>
        this.#options.log.error(
          { error: String(error) },
          'the bounds of the outbox could not be looked after',
        ),
      )
      .finally(() => (this.#keeping = null));
    await this.#keeping;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#keeping;
  }

  /** Drops the oldest, or makes new answers wait, as the operator chose; warns before. */
  async #keep(): Promise<void> {
    const { store, clock, log, config } = this.#options;
    const now = clock.now();
    if (Math.abs(now - this.#trimmedAt) < trimIntervalMs && this.#refusal === null) return;
    this.#trimmedAt = now;
    const createdBefore = (await store.ageOutbox(now)) - config.loggingMaxDays * dayMs;
    const bounds = { maxBytes: config.loggingMaxBytes, createdBefore };
    if (config.loggingWhenFull === 'drop-oldest') {
      const dropped = await store.trimOutbox(bounds);
      if (dropped > 0) log.error({ dropped }, 'log events were dropped: the sink has been away too long');
    }
    const status = await store.outboxStatus();
    // What was given up takes room too: else a sink that stays away would be full only until its events die.
    const keptBytes = status.pendingBytes + status.deadBytes;
    const isFull = keptBytes >= bounds.maxBytes || (status.oldestPendingAt ?? now) < bounds.createdBefore;
    this.#refusal = config.loggingWhenFull === 'block' && isFull ? logFull(status) : null;
    const isNearlyFull = keptBytes >= bounds.maxBytes * warnAt;
    if (isNearlyFull && !this.#hasWarned) {
      const { pendingBytes, deadBytes } = status;
      log.warn({ pendingBytes, deadBytes }, 'the outbox is nearly full');
    }
    this.#hasWarned = isNearlyFull;
  }
}

function logFull(status: OutboxStatus): AppError {
  const { pending, pendingBytes, dead, deadBytes } = status;
  return new AppError(
    'log-full',
    `the log sink has not taken ${pending + dead} events, and no more may wait for it`,
    {
      hint: 'Bring the sink back, then run `corral log replay`, which sends at once what waits or was given up. `corral log status` says what the sink answered last.',
      details: { pending, pendingBytes, dead, deadBytes },
    },
  );
}
