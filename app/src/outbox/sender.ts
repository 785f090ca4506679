import type { Log } from '../lib/log.ts';
import type { DeliveryOutcome, OutboxEvent, OutboxStore } from '../store/outbox-store.ts';
import { deliverEvent, type Delivery, type Sink } from './deliver-event.ts';
import { longestRetryAfterMs, nextAttemptAt } from './retry-schedule.ts';

/** Conversations sent to at the same time; within one, events go one after the other. */
const mostInFlight = 4;
const batchSize = 64;
const shortestOutageMs = 60_000;

type SenderStore = Pick<OutboxStore, 'dueOutboxEvents' | 'recordDeliveries' | 'setOutboxDisabled'>;

type FailedDelivery = Extract<Delivery, { kind: 'failed' }>;

/** Takes events from the store to the sink. Knows no timers: whoever owns it says when. */
export class Sender {
  readonly #store: SenderStore;
  readonly #sink: Sink;
  readonly #log: Log;
  /** Conversation → the attempt under way. */
  readonly #inFlight = new Map<string, Promise<void>>();
  /** No attempts before, as the sink itself asked for. */
  #pausedUntil = 0;
  /** When the first attempt failed since the last success; null: none did. */
  #failingSince: number | null = null;
  /**
   * What waits for a later attempt is tried at once, each conversation as far as it goes: the sink is back, or may be,
   * for all that is known after a start.
   */
  #sweep: { failed: Set<string>; isHope: boolean } | null = { failed: new Set(), isHope: true };
  /** The sink says that it wants nothing more. That holds until the store, which keeps it, is asked again. */
  #isGone = false;
  /** What the store could not be told of that, on a full disk: until it is, nothing is sent. */
  #untold: { reason: string; since: number } | null = null;
  #poke: () => void = () => undefined;

  constructor(options: { store: SenderStore; sink: Sink; log: Log }) {
    this.#store = options.store;
    this.#sink = options.sink;
    this.#log = options.log;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** More may be due: also while an attempt under way hangs. */
  poke(): void {
    this.#poke();
  }

  /** Somebody knows better than the sink's last word. */
  enable(): void {
    this.#isGone = false;
    this.#untold = null;
    this.#pausedUntil = 0;
    this.#sweep = { failed: new Set(), isHope: true };
  }

  /** Sends everything that is due; resolves when nothing is. Aborting lets attempts under way end. */
  async deliverDue(signal: AbortSignal): Promise<void> {
    await this.#settleGone();
    while (!signal.aborted) {
      const sweep = this.#sweep;
      const due = this.#mayBegin() ? await this.#due() : [];
      if (due.length === 0 && this.#inFlight.size === 0) {
        if (!this.#mayBegin() || !this.#mayHaveMore(sweep)) return;
        continue;
      }
      for (const event of due) {
        if (this.#inFlight.size >= mostInFlight) await this.#anyOne();
        if (!this.#mayGoOn(sweep, signal)) break;
        this.#begin(event, signal);
      }
      if (due.length === 0) await Promise.race([this.#anyOne(), this.#poked()]);
    }
    await Promise.all(this.#inFlight.values());
  }

  /** After a sweep what became due meanwhile, or what a sweep has to try that was begun meanwhile. */
  #mayHaveMore(sweep: object | null): boolean {
    if (this.#sweep !== sweep) return true;
    this.#sweep = null;
    return sweep !== null;
  }

  /** With what was found due: not where another sweep began, or this one ended. */
  #mayGoOn(sweep: object | null, signal: AbortSignal): boolean {
    return !signal.aborted && this.#mayBegin() && this.#sweep === sweep;
  }

  #mayBegin(): boolean {
    const pauseMs = this.#pausedUntil - this.#sink.clock.now();
    // A longer pause was begun while the clock was ahead.
    return !this.#isGone && (pauseMs <= 0 || pauseMs > longestRetryAfterMs);
  }

  #due(): Promise<OutboxEvent[]> {
    return this.#store.dueOutboxEvents({
      now: this.#sweep ? Number.MAX_SAFE_INTEGER : this.#sink.clock.now(),
      limit: batchSize,
      except: [...this.#inFlight.keys(), ...(this.#sweep?.failed ?? [])],
    });
  }

  #poked(): Promise<void> {
    return new Promise((resolve) => (this.#poke = resolve));
  }

  #anyOne(): Promise<void> {
    return Promise.race(this.#inFlight.values());
  }

  #begin(event: OutboxEvent, signal: AbortSignal): void {
    const attempt = this.#attempt(event, signal).finally(() => this.#inFlight.delete(event.conversationId));
    this.#inFlight.set(event.conversationId, attempt);
  }

  async #attempt(event: OutboxEvent, signal: AbortSignal): Promise<void> {
    const delivery = await deliverEvent(this.#sink, event, signal);
    if (delivery.kind !== 'delivered' && signal.aborted) return;
    try {
      await this.#record(event, delivery);
    } catch (error) {
      // It stays as it was and is sent again: at least once, with the same id.
      this.#pausedUntil = this.#sink.clock.now() + 1000;
      this.#log.error({ error: String(error) }, 'a delivery could not be written down');
    }
  }

  async #record(event: OutboxEvent, delivery: Delivery): Promise<void> {
    const now = this.#sink.clock.now();
    if (delivery.kind === 'delivered') {
      await this.#store.recordDeliveries([{ id: event.id, outcome: 'delivered', now }]);
      if (this.#wasAway(now)) this.#sweep = { failed: new Set(), isHope: false };
      this.#failingSince = null;
    } else if (delivery.kind === 'gone') {
      this.#isGone = true;
      await this.#disable({ reason: 'the sink answered 410 (gone)', since: now });
      this.#log.error({}, 'the log sink answered 410: nothing more is sent until somebody replays the log');
    } else await this.#recordFailure(event, delivery, now);
  }

  async #recordFailure(event: OutboxEvent, delivery: FailedDelivery, now: number): Promise<void> {
    this.#sweep?.failed.add(event.conversationId);
    // It is not back after all; each conversation would have to wait for it anew.
    if (delivery.isAway && this.#sweep?.isHope) this.#sweep = null;
    if (delivery.retryAfterMs !== null) this.#pausedUntil = now + delivery.retryAfterMs;
    const outcome = this.#failed(event, delivery, now);
    // An event that the sink does not like is swept once for each attempt, not with every success of others.
    if (outcome.outcome !== 'early' || delivery.isAway) this.#failingSince ??= now;
    await this.#store.recordDeliveries([outcome]);
  }

  /** From here on the store knows whether the sink wants anything. */
  async #settleGone(): Promise<void> {
    if (this.#untold !== null) await this.#disable(this.#untold);
    this.#isGone = false;
  }

  async #disable(why: { reason: string; since: number }): Promise<void> {
    this.#untold = why;
    await this.#store.setOutboxDisabled(why);
    this.#untold = null;
  }

  #wasAway(now: number): boolean {
    return this.#failingSince !== null && now - this.#failingSince >= shortestOutageMs;
  }

  #failed(event: OutboxEvent, delivery: FailedDelivery, now: number): DeliveryOutcome {
    const { error, retryAfterMs } = delivery;
    // Only a sweep tries what is not due.
    if (event.nextAttemptAt > now) return { id: event.id, outcome: 'early', error };
    const next = nextAttemptAt(event.attempts + 1, { now, retryAfterMs });
    this.#log.warn({ eventId: event.id, attempts: event.attempts + 1, error }, 'a log event was not taken');
    return next === null
      ? { id: event.id, outcome: 'dead', error }
      : { id: event.id, outcome: 'retry', nextAttemptAt: next, error };
  }
}
