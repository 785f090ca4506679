import { AppError, toAppError } from '../contracts/app-error.ts';
import type { ErrorCode } from '../contracts/error-codes.ts';
import type { Clock } from '../lib/clock.ts';
import { orAborted } from '../lib/or-aborted.ts';
import type { Engine, LoadOptions, ModelSource } from './engine.ts';
import type { EngineLease, LoadedModel } from './fleet.ts';

export interface FleetMemberOptions {
  key: string;
  source: ModelSource;
  /** As it was asked for. */
  reference: string;
  clock: Clock;
  idleMs: number;
  load(options: Pick<LoadOptions, 'signal' | 'onProgress'>): Promise<Engine>;
  onLoaded(): void;
  /** Nobody used it for as long as is allowed, or it was retired. */
  onIdle(member: FleetMember): void;
  /** It could not be loaded, or went away: by itself, or because it was dropped. */
  onGone(member: FleetMember, how: 'failed' | 'dropped' | 'by-itself'): void;
  onReleased(): void;
}

/** What an engine says that has gone, or is about to. */
const endings = new Set<ErrorCode>(['engine-crashed', 'engine-hung', 'engine-unavailable']);

/** A model in memory or on its way there, and who uses it. */
export class FleetMember {
  readonly key: string;
  readonly source: ModelSource;
  reference: string;
  lastUsedAt: number;
  readonly #options: FleetMemberOptions;
  readonly #listeners = new Set<(fraction: number) => void>();
  readonly #controller = new AbortController();
  readonly #ready: Promise<Engine>;
  readonly #gone = Promise.withResolvers<void>();
  #engine: Engine | null = null;
  #progress: number | null = null;
  #users = 0;
  #idleTimer: NodeJS.Timeout | null = null;
  #isDropped = false;
  #isRetired = false;

  constructor(options: FleetMemberOptions) {
    this.#options = options;
    this.key = options.key;
    this.source = options.source;
    this.reference = options.reference;
    this.lastUsedAt = options.clock.now();
    this.#ready = this.#load();
    // Whoever waits hears of it; nobody may be waiting any more.
    this.#ready.catch(() => undefined);
  }

  get isLoaded(): boolean {
    return this.#engine !== null;
  }

  get isUnused(): boolean {
    return this.#users === 0;
  }

  /** On its way out, or its load is being stopped: nobody can join any more. */
  get isLeaving(): boolean {
    return this.#isDropped || this.#controller.signal.aborted;
  }

  /** Whoever asks now gets another one; those who are here finish. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Resolves when its memory is free. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Waits for the engine; aborting only stops waiting, and the load once nobody waits. */
  async lease(
    onProgress: ((fraction: number) => void) | undefined,
    signal?: AbortSignal,
  ): Promise<EngineLease> {
    this.#users++;
    this.#stopIdling();
    if (onProgress) this.#listeners.add(onProgress);
    try {
      const engine = await orAborted(this.#ready, signal, noLongerWanted);
      return { engine, release: once(() => this.#release()) };
    } catch (error) {
      this.#release();
      // What is loaded stays: who left had no part in it.
      if (this.#users === 0 && !this.isLoaded) this.#controller.abort();
      throw error;
    } finally {
      if (onProgress) this.#listeners.delete(onProgress);
    }
  }

  /** Forgets the KV state of a chat, in memory and on disk; null: of all chats. */
  async dropState(stateKey: string | null): Promise<void> {
    const engine = this.#engine;
    try {
      await engine?.dropState(stateKey);
    } catch (error) {
      if (!this.#isDropped && !endings.has(toAppError(error).code)) throw error;
      // An engine that is going takes what it has in memory along, but may be writing it down just now.
      await engine?.close();
      await engine?.closed;
    }
  }

  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.isUnused) this.#options.onIdle(this);
  }

  isNamed(name: string): boolean {
    return name === this.source.id || name === this.reference;
  }

  async drop(): Promise<void> {
    this.#isDropped = true;
    this.#stopIdling();
    this.#controller.abort();
    const engine = await this.#ready.catch(() => null);
    await engine?.close();
    await engine?.closed;
  }

  describe(): LoadedModel {
    return {
      id: this.source.id,
      reference: this.reference,
      kind: this.source.kind,
      state: this.#engine ? 'loaded' : 'loading',
      progress: this.#engine ? 1 : this.#progress,
      users: this.#users,
      lastUsedAt: this.lastUsedAt,
      description: this.#engine?.describe() ?? null,
    };
  }

  async #load(): Promise<Engine> {
    try {
      const engine = await this.#options.load({
        signal: this.#controller.signal,
        onProgress: (fraction) => {
          this.#progress = fraction;
          for (const listener of this.#listeners) listener(fraction);
        },
      });
      if (this.#controller.signal.aborted) {
        // A loader that does not hear of it, or too late: nobody can join this one any more.
        await engine.close();
        throw noLongerWanted();
      }
      this.#engine = engine;
      this.#options.onLoaded();
      void engine.closed.then(() => this.#leave(this.#isDropped ? 'dropped' : 'by-itself'));
      return engine;
    } catch (error) {
      this.#leave('failed');
      throw error;
    }
  }

  #leave(how: 'failed' | 'dropped' | 'by-itself'): void {
    this.#stopIdling();
    this.#options.onGone(this, how);
    this.#gone.resolve();
  }

  #release(): void {
    this.#users--;
    this.lastUsedAt = this.#options.clock.now();
    if (this.isUnused && this.#isRetired) this.#options.onIdle(this);
    else if (this.isUnused && this.#options.idleMs > 0) {
      this.#idleTimer = setTimeout(() => this.#options.onIdle(this), this.#options.idleMs).unref();
    }
    this.#options.onReleased();
  }

  #stopIdling(): void {
    if (this.#idleTimer) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }
}

export function noLongerWanted(): AppError {
  return new AppError('cancelled', 'Nobody waits for this model any more.');
}

function once(action: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    action();
  };
}
