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
  /** A mark waits for the next text, so that both go out in one piece. */
  #hasNewMark = false;
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

  /** Lets watchers see the text and the mark that came since the last call. */
  show(): void {
    if (this.text.length === this.shownOffset && !this.#hasNewMark) return;
    this.shownOffset = this.text.length;
    this.#hasNewMark = false;
    for (const watcher of this.#watchers) watcher.wake();
  }

  setDurable(offset: number): void {
    if (offset <= this.durableOffset) return;
    this.durableOffset = offset;
    const mark = { type: 'durable', offset } as const;
    this.#latest.set('durable', mark);
    this.#hasNewMark = true;
    for (const watcher of this.#watchers) watcher.hold(mark);
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

  watch(from: number, epoch: number | undefined, signal: AbortSignal): AsyncIterableIterator<RunEvent> {
    const cut = epoch === undefined ? undefined : this.record.resumedAt[epoch - 1];
    const stop = (): void => watcher.end();
    const watcher = new RunWatcher(this, Math.min(from, cut ?? this.shownOffset, this.shownOffset), () => {
      signal.removeEventListener('abort', stop);
      this.#watchers.delete(watcher);
    });
    for (const event of this.#latest.values()) watcher.hold(event);
    this.#watchers.add(watcher);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    return watcher;
  }
}

/**
 * One reader of a run. It remembers how far it has read, so a slow one gets larger parts and costs no memory. Written
 * out rather than as a generator: a thousand of them are woken 25 times a second.
 */
class RunWatcher implements AsyncIterableIterator<RunEvent> {
  readonly #run: LiveRun;
  readonly #leave: () => void;
  #sentOffset: number;
  #waiting = new Map<string, RunEventBody>();
  #tokens: RunEventBody[] = [];
  #ready: RunEvent[] = [];
  #needsStart = true;
  #ended = false;
  #last: RunEventBody | undefined;
  #answer: ((result: IteratorResult<RunEvent, undefined>) => void) | null = null;

  constructor(run: LiveRun, offset: number, leave: () => void) {
    this.#run = run;
    this.#sentOffset = offset;
    this.#leave = leave;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Told with whatever wakes the reader next. */
  hold(event: RunEventBody): void {
    if (event.type === 'token') {
      if (this.#tokens.length < mostWaitingTokens) this.#tokens.push(event);
      return;
    }
    this.#waiting.delete(event.type);
    this.#waiting.set(event.type, event);
  }

  tell(event: RunEventBody): void {
    this.hold(event);
    this.wake();
  }

  wake(): void {
    if (this.#answer === null) return;
    const result = this.#result();
    if (result === null) return;
    this.#answer(result);
    this.#answer = null;
  }

  restart(): void {
    this.#needsStart = true;
    this.#waiting.clear();
    this.#tokens = [];
    this.#sentOffset = Math.min(this.#sentOffset, this.#run.text.length);
    this.wake();
  }

  end(event?: RunEventBody): void {
    this.#last = event;
    this.#ended = true;
    this.wake();
  }

  next(): Promise<IteratorResult<RunEvent, undefined>> {
    const result = this.#result();
    if (result !== null) return Promise.resolve(result);
    return new Promise((resolve) => (this.#answer = resolve));
  }

  return(): Promise<IteratorResult<RunEvent, undefined>> {
    this.#ready = [];
    this.#waiting.clear();
    this.#last = undefined;
    this.#ended = true;
    this.#leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** The next event, the end of them, or null: nothing yet. */
  #result(): IteratorResult<RunEvent, undefined> | null {
    if (this.#ready.length === 0) this.#take();
    const event = this.#ready.shift() ?? this.#takeLast();
    if (event) return { done: false, value: event };
    if (!this.#ended) return null;
    this.#leave();
    return { done: true, value: undefined };
  }

  #takeLast(): RunEvent | undefined {
    const last = this.#last;
    this.#last = undefined;
    return last && { runId: this.#run.id, epoch: this.#run.epoch, ...last };
  }

  /** What is ready now; text before `durable`, so that a mark never runs ahead of what it marks. */
  #take(): void {
    const run = this.#run;
    const said = { runId: run.id, epoch: run.epoch };
    if (this.#needsStart) {
      this.#needsStart = false;
      const { messageId, chatId, phase, durableOffset } = run;
      const offset = this.#sentOffset;
      this.#ready.push({ ...said, type: 'start', messageId, chatId, phase, offset, durableOffset });
    }
    const mark = this.#waiting.get('durable');
    this.#waiting.delete('durable');
    for (const event of this.#waiting.values()) this.#ready.push({ ...said, ...event });
    this.#waiting.clear();
    if (this.#sentOffset < run.shownOffset) {
      const text = run.text.slice(this.#sentOffset, run.shownOffset);
      this.#ready.push({ ...said, type: 'text', offset: this.#sentOffset, text });
      this.#sentOffset = run.shownOffset;
    }
    for (const event of this.#tokens.splice(0)) this.#ready.push({ ...said, ...event });
    if (mark?.type !== 'durable') return;
    this.#ready.push({ ...said, type: 'durable', offset: Math.min(mark.offset, this.#sentOffset) });
  }
}
