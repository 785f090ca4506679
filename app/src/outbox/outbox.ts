import { AppError } from '../contracts/app-error.ts';
import type { LogStatus } from '../contracts/api/log.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { HttpClient } from '../net/http-client.ts';
import type { OutboxEvent, OutboxStatus, OutboxStore } from '../store/outbox-store.ts';
import type { Page, PageRequest } from '../store/store.ts';
import { Bounds, trimIntervalMs } from './bounds.ts';
import { Sender } from './sender.ts';
import { parseSecrets } from './sign-delivery.ts';

export type OutboxConfig = Pick<
  Config,
  'loggingUrl' | 'loggingSecret' | 'loggingMode' | 'loggingMaxBytes' | 'loggingMaxDays' | 'loggingWhenFull'
>;

export interface OutboxOptions {
  store: OutboxStore;
  /** Must be allowed to call the host of `loggingUrl`, also over plain http. */
  http: Pick<HttpClient, 'request'>;
  clock: Clock;
  log: Log;
  config: OutboxConfig;
}

/** Delivery to LOGGING_URL, apart from the chats: a sink that hangs, lies or is away delays nobody. */
export interface Outbox {
  start(): Promise<void>;
  /** Something may be due now; call it after answers. */
  wake(): void;
  status(): Promise<LogStatus>;
  dead(page: PageRequest): Promise<Page<OutboxEvent>>;
  /**
   * Dead events are tried again, all or those named, and at once what waits; delivery goes on where the sink had
   * switched it off.
   */
  replay(ids?: string[]): Promise<number>;
  /** Why new answers have to wait; null: they have not. For `createChats`. */
  refusal(): AppError | null;
  close(): Promise<void>;
}

/** An event of another process, or a clock that jumped, is noticed at the latest after this time. */
const longestNapMs = 2000;

export function createOutbox(options: OutboxOptions): Outbox {
  const { config } = options;
  return config.loggingUrl === '' || config.loggingMode === 'off'
    ? createIdleOutbox(options)
    : new WorkingOutbox(options);
}

/**
 * Nothing is sent and nothing is added. What an earlier configuration left can still be looked at, and goes when it is
 * too old or too much: nothing is answered later for it, so it is never what new answers wait for.
 */
function createIdleOutbox(options: OutboxOptions): Outbox {
  const { store, config } = options;
  const bounds = new Bounds({ ...options, config: { ...config, loggingWhenFull: 'drop-oldest' } });
  const lookAfterBounds = (): void => void bounds.lookAfter();
  let timer: NodeJS.Timeout | undefined;
  return {
    async start() {
      await bounds.lookAfter();
      timer = setInterval(lookAfterBounds, trimIntervalMs);
    },
    wake: lookAfterBounds,
    status: async () =>
      statusOf(await store.outboxStatus(), { mode: 'off', host: null, signed: false, next: null }),
    dead: (page) => store.listDeadEvents(page),
    replay: async () => {
      throw new AppError('bad-request', 'nothing is logged, so there is nothing to replay to', {
        hint: 'Set LOGGING_URL, and LOGGING_MODE to full or metadata, and start Corral again.',
      });
    },
    refusal: () => null,
    async close() {
      clearInterval(timer);
      await bounds.close();
    },
  };
}

class WorkingOutbox implements Outbox {
  readonly #options: OutboxOptions;
  readonly #secrets: readonly Buffer[];
  readonly #bounds: Bounds;
  readonly #closing = new AbortController();
  #sender: Sender | null = null;
  #wake: () => void = () => undefined;
  #isWoken = false;
  #timer: NodeJS.Timeout | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#bounds = new Bounds(options);
    this.#secrets = parseSecrets(options.config.loggingSecret);
  }

  async start(): Promise<void> {
    const { store, http, clock, log, config } = this.#options;
    const { disabled } = await store.outboxStatus();
    if (this.#secrets.length === 0)
      log.warn({}, 'LOGGING_SECRET is not set: what is sent to LOGGING_URL is not signed');
    if (disabled) log.warn({ since: disabled.since }, `the log is switched off: ${disabled.reason}`);
    const sink = { url: config.loggingUrl, secrets: this.#secrets, http, clock };
    this.#sender = new Sender({ store, sink, log });
    await this.#bounds.lookAfter();
    this.#timer = setInterval(() => this.wake(), longestNapMs);
    this.#loop = this.#run(this.#sender);
  }

  wake(): void {
    this.#isWoken = true;
    this.#sender?.poke();
    this.#wake();
    void this.#bounds.lookAfter();
  }

  async status(): Promise<LogStatus> {
    const { store, config } = this.#options;
    const next = await store.nextOutboxAttempt();
    return statusOf(await store.outboxStatus(), {
      mode: config.loggingMode,
      host: new URL(config.loggingUrl).host,
      signed: this.#secrets.length > 0,
      next: next === null ? null : Math.max(next, this.#sender?.pausedUntil ?? 0),
    });
  }

  dead(page: PageRequest): Promise<Page<OutboxEvent>> {
    return this.#options.store.listDeadEvents(page);
  }

  async replay(ids?: string[]): Promise<number> {
    const { store, clock } = this.#options;
    const replayed = await store.replayDeadEvents({
      ...(ids === undefined ? {} : { ids }),
      now: clock.now(),
    });
    await store.setOutboxDisabled(null);
    this.#sender?.enable();
    this.wake();
    return replayed;
  }

  refusal(): AppError | null {
    return this.#bounds.refusal;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#timer);
    this.wake();
    await Promise.all([this.#loop, this.#bounds.close()]);
  }

  async #run(sender: Sender): Promise<void> {
    const { log } = this.#options;
    while (!this.#closing.signal.aborted) {
      this.#isWoken = false;
      try {
        await sender.deliverDue(this.#closing.signal);
      } catch (error) {
        log.error({ error: String(error) }, 'the outbox could not be read');
      }
      await this.#nap();
    }
  }

  async #nap(): Promise<void> {
    if (this.#isWoken || this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

function statusOf(
  status: OutboxStatus,
  known: { mode: LogStatus['mode']; host: string | null; signed: boolean; next: number | null },
): LogStatus {
  const { mode, host, signed, next } = known;
  return { ...status, mode, host, signed, nextAttemptAt: next };
}
