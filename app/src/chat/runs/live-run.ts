import type { Run, RunEvent, RunPhase } from '../../contracts/runs.ts';
import type { RunRecord } from '../../store/run-store.ts';
import { plainRun } from './plain-run.ts';

type EventBody<Event> = Event extends unknown ? Omit<Event, 'runId' | 'epoch'> : never;
export type RunEventBody = EventBody<RunEvent>;

/** More tokens than this wait for no reader: their text arrives anyway. */
const mostWaitingTokens = 4096;

/** A run that this process is working at: its text so far and who watches it. Text only ever grows. */
export class LiveRun {
  readonly owner: string;
  readonly id: string;
  readonly chatId: string;
  readonly messageId: string;
  readonly startOffset: number;
  readonly createdAt: number;
  /** Of a chat that is in memory only. */
  readonly isTemporary: boolean;
  readonly abort = new AbortController();
  /** Resolves when the run has ended and that is on disk, or was left to the next start. */
  readonly done: Promise<void>;
  record: RunRecord;
  /** The whole message, with what it began with; always whole characters. */
  text: string;
  /** Text before it was shown to watchers. */
  shownOffset: number;
  durableOffset: number;
  phase: RunPhase;
  /** False once another process has the run. */
  isOurs = true;
  #half = '';
  #watchers = new Set<RunWatcher>();
  #latest = new Map<RunEvent['type'], RunEventBody>();
  #resolveDone: () => void = () => undefined;

  constructor(record: RunRecord, text: string, options: { isTemporary?: boolean } = {}) {
    this.isTemporary = options.isTemporary ?? false;
    this.owner = record.owner;
    this.id = record.id;
    this.chatId = record.chatId;
    this.messageId = record.messageId;
    this.startOffset = record.startOffset;
    this.createdAt = record.createdAt;
    this.record = record;
    this.text = text;
    this.shownOffset = text.length;
    this.durableOffset = text.length;
    this.phase = record.phase;
    this.done = new Promise((resolve) => (this.#resolveDone = resolve));
  }

  get epoch(): number {
    return this.record.epoch;
  }

  /** The run as the API shows it. */
  snapshot(): Run {
    return { ...plainRun(this.record), phase: this.phase, durableOffset: this.durableOffset };
  }

  /** Adds what the engine said; the first half of a character waits for its second half. */
  append(delta: string): void {
    const text = this.#half + delta;
    const last = text.charCodeAt(text.length - 1);
    this.#half = last >= 0xd800 && last <= 0xdbff ? text.slice(-1) : '';
    this.text += text.slice(0, text.length - this.#half.length).toWellFormed();
  }

  /** Tells watchers; the newest event of each type is also told to those who join later. */
  tell(event: RunEventBody): void {
    if (event.type !== 'token') this.#latest.set(event.type, event);
    for (const watcher of this.#watchers) watcher.tell(event);
  }

  setPhase(phase: RunPhase): void {
    if (this.phase === phase) return;
    this.phase = phase;
    this.tell({ type: 'phase', phase });
  }

  /** Lets watchers see the text that came since the last call. */
  show(): void {
    if (this.text.length === this.shownOffset) return;
    this.shownOffset = this.text.length;
    for (const watcher of this.#watchers) watcher.wake();
  }

  setDurable(offset: number): void {
    if (offset <= this.durableOffset) return;
    this.durableOffset = offset;
    this.tell({ type: 'durable', offset });
  }

  /** Another process has taken it up, or it ended elsewhere: nothing more is written from here. */
  lose(): void {
    this.isOurs = false;
    this.abort.abort();
  }

  /** Taken up again: watchers hear where the text goes on. */
  restart(record: RunRecord): void {
    this.record = record;
    this.#half = '';
    this.#latest.clear();
    for (const watcher of this.#watchers) watcher.restart();
  }

  /** No more events; `event` is absent when the run is left to the next start. */
  end(event?: EventBody<Extract<RunEvent, { type: 'end' }>>): void {
    this.phase = event ? 'ended' : this.phase;
    for (const watcher of this.#watchers) watcher.end(event);
    this.#watchers.clear();
    this.#resolveDone();
  }

  async *watch(from: number, epoch: number | undefined, signal: AbortSignal): AsyncIterable<RunEvent> {
    const cut = epoch === undefined ? undefined : this.record.resumedAt[epoch - 1];
    const watcher = new RunWatcher(this, Math.min(from, cut ?? this.shownOffset, this.shownOffset));
    for (const event of this.#latest.values()) watcher.tell(event);
    this.#watchers.add(watcher);
    const stop = (): void => watcher.end();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      yield* watcher.events();
    } finally {
      signal.removeEventListener('abort', stop);
      this.#watchers.delete(watcher);
    }
  }
}

/** One reader of a run. It remembers how far it has read, so a slow one gets larger parts and costs no memory. */
class RunWatcher {
  readonly #run: LiveRun;
  #sentOffset: number;
  #waiting = new Map<string, RunEventBody>();
  #tokens: RunEventBody[] = [];
  #needsStart = true;
  #ended = false;
  #last: RunEventBody | undefined;
  #wake: () => void = () => undefined;

  constructor(run: LiveRun, offset: number) {
    this.#run = run;
    this.#sentOffset = offset;
  }

  tell(event: RunEventBody): void {
    if (event.type !== 'token') {
      this.#waiting.delete(event.type);
      this.#waiting.set(event.type, event);
    } else if (this.#tokens.length < mostWaitingTokens) this.#tokens.push(event);
    this.#wake();
  }

  wake(): void {
    this.#wake();
  }

  restart(): void {
    this.#needsStart = true;
    this.#waiting.clear();
    this.#tokens = [];
    this.#sentOffset = Math.min(this.#sentOffset, this.#run.text.length);
    this.#wake();
  }

  end(event?: RunEventBody): void {
    this.#last = event;
    this.#ended = true;
    this.#wake();
  }

  async *events(): AsyncIterable<RunEvent> {
    while (true) {
      const ready = this.#take();
      for (const event of ready) yield { runId: this.#run.id, epoch: this.#run.epoch, ...event };
      if (ready.length > 0) continue;
      if (this.#ended) break;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#last) yield { runId: this.#run.id, epoch: this.#run.epoch, ...this.#last };
  }

  /** What is ready now; text before `durable`, so that a mark never runs ahead of what it marks. */
  #take(): RunEventBody[] {
    const run = this.#run;
    const events: RunEventBody[] = [];
    if (this.#needsStart) {
      this.#needsStart = false;
      events.push({
        type: 'start',
        messageId: run.messageId,
        chatId: run.chatId,
        phase: run.phase,
        offset: this.#sentOffset,
        durableOffset: run.durableOffset,
      });
    }
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    events.push(...waiting.filter((event) => event.type !== 'durable'));
    if (this.#sentOffset < run.shownOffset) {
      events.push({
        type: 'text',
        offset: this.#sentOffset,
        text: run.text.slice(this.#sentOffset, run.shownOffset),
      });
      this.#sentOffset = run.shownOffset;
    }
    events.push(...this.#tokens.splice(0));
    for (const event of waiting)
      if (event.type === 'durable')
        events.push({ type: 'durable', offset: Math.min(event.offset, this.#sentOffset) });
    return events;
  }
}
