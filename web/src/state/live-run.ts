import type { ErrorBody } from '@corral/app/contracts/app-error';
import type { EndReason, Timings, Usage } from '@corral/app/contracts/run-parts';
import type { ContextPlan, Run, RunEvent, RunPhase } from '@corral/app/contracts/runs';

/** What is shown of an answer while it is made. */
export interface LiveView {
  runId: string;
  phase: RunPhase;
  text: string;
  loadProgress: number | null;
  queue: { position: number; etaMs: number | null } | null;
  prompt: { processed: number; total: number; cached: number } | null;
  usage: Usage | null;
  timings: Timings | null;
  /** Since the page knows of it; the first word ends the waiting. */
  startedAt: number;
  firstTextAt: number | null;
  /** Deltas of text so far: about the tokens drawn. */
  isStopping: boolean;
  end: { reason: EndReason; error: ErrorBody | null; isResumed: boolean } | null;
}

export type Effect = 'none' | 'text' | 'state' | 'end' | 'gap';

/**
 * The text of a run as this page knows it. Offsets make every event harmless to repeat: what is known is not added
 * twice, a hole is noticed, and `start` of a newer epoch cuts back to what the server still has.
 */
export class LiveRun {
  readonly runId: string;
  readonly messageId: string;
  plan: ContextPlan | null = null;
  durableOffset: number;
  #epoch: number;
  #view: LiveView;
  #pending: string[] = [];
  #length: number;

  constructor(run: Run, text: string, now: number) {
    this.runId = run.id;
    this.messageId = run.messageId;
    this.durableOffset = run.durableOffset;
    this.#epoch = run.epoch;
    this.#length = text.length;
    this.#view = {
      runId: run.id,
      phase: run.phase,
      text,
      loadProgress: null,
      queue: null,
      prompt: null,
      usage: null,
      timings: null,
      startedAt: now,
      firstTextAt: null,
      isStopping: false,
      end: null,
    };
  }

  get position(): { from: number; epoch: number } {
    return { from: this.#length, epoch: this.#epoch };
  }

  get isEnded(): boolean {
    return this.#view.end !== null;
  }

  /** A picture of now; the same object as long as nothing changed. */
  view(): LiveView {
    if (this.#pending.length > 0) {
      this.#view = { ...this.#view, text: this.#view.text + this.#pending.join('') };
      this.#pending = [];
    }
    return this.#view;
  }

  markStopping(): void {
    this.#set({ isStopping: true });
  }

  apply(event: RunEvent, now: number): Effect {
    if (event.epoch < this.#epoch) return 'none';
    if (event.type === 'text') return this.#text(event, now);
    if (event.type === 'start') return this.#start(event);
    this.#epoch = event.epoch;
    return this.#state(event);
  }

  #set(change: Partial<LiveView>): void {
    this.#view = { ...this.view(), ...change };
  }

  #cut(offset: number): void {
    const text = this.view().text;
    if (offset >= text.length) return;
    this.#set({ text: text.slice(0, offset) });
    this.#length = offset;
  }

  #start(event: Extract<RunEvent, { type: 'start' }>): Effect {
    this.#epoch = event.epoch;
    this.durableOffset = event.durableOffset;
    this.#cut(event.offset);
    this.#set({ phase: event.phase });
    return event.offset > this.#length ? 'gap' : 'state';
  }

  #text(event: Extract<RunEvent, { type: 'text' }>, now: number): Effect {
    if (event.epoch > this.#epoch) {
      // The `start` of this epoch was missed: only what is durable is certain.
      this.#epoch = event.epoch;
      this.#cut(Math.min(event.offset, this.#length));
    }
    if (event.offset > this.#length) return 'gap';
    const fresh = event.text.slice(this.#length - event.offset);
    if (fresh === '') return 'none';
    this.#pending.push(fresh);
    this.#length += fresh.length;
    if (this.#view.firstTextAt === null) {
      this.#set({ firstTextAt: now, phase: 'streaming', queue: null, loadProgress: null });
      return 'state';
    }
    return 'text';
  }

  #state(event: Exclude<RunEvent, { type: 'text' | 'start' }>): Effect {
    switch (event.type) {
      case 'durable':
        this.durableOffset = event.offset;
        return 'none';
      case 'phase':
        this.#set({ phase: event.phase });
        return 'state';
      case 'model-load':
        this.#set({ loadProgress: event.progress });
        return 'state';
      case 'queue-position':
        this.#set({ queue: { position: event.position, etaMs: event.etaMs } });
        return 'state';
      case 'prompt-progress':
        this.#set({ prompt: { processed: event.processed, total: event.total, cached: event.cached } });
        return 'state';
      case 'plan':
        this.plan = event.plan;
        return 'state';
      case 'usage':
        this.#set({ usage: event.usage });
        return 'none';
      case 'timings':
        this.#set({ timings: event.timings });
        return 'none';
      case 'end':
        return this.#end(event);
      case 'token':
        return 'none';
    }
  }

  #end(event: Extract<RunEvent, { type: 'end' }>): Effect {
    if (event.offset > this.#length) return 'gap';
    this.#cut(event.offset);
    this.#set({
      phase: 'ended',
      end: { reason: event.reason, error: event.error ?? null, isResumed: event.resumed },
    });
    return 'end';
  }
}
