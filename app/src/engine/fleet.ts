import { AppError, toAppError } from '../contracts/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { orAborted } from '../lib/or-aborted.ts';
import type {
  Engine,
  EngineLoader,
  LoadOptions,
  MemoryEstimate,
  ModelDescription,
  ModelSource,
} from './engine.ts';
import { FleetMember, noLongerWanted } from './fleet-member.ts';
import { createRoom, type Room } from './fleet-room.ts';

export type AcquireOptions = Omit<LoadOptions, 'signal'>;

/** An engine that stays in memory until it is released. Releasing twice does nothing. */
export interface EngineLease {
  engine: Engine;
  release: () => void;
}

export interface LoadedModel {
  id: string;
  /** The reference it was last asked for by. */
  reference: string;
  kind: ModelSource['kind'];
  state: 'loading' | 'loaded';
  /** 0 to 1 while it loads; null where it is not known. */
  progress: number | null;
  /** How many use it or wait for it. */
  users: number;
  lastUsedAt: number;
  description: ModelDescription | null;
}

/** Which models are in memory, and how others come by them. */
export interface Engines {
  /** Loads the model unless it is there; many who ask at once cause one load. */
  acquire(source: ModelSource, options?: AcquireOptions, signal?: AbortSignal): Promise<EngineLease>;
  /** The same by reference. */
  use(reference: string, options?: AcquireOptions, signal?: AbortSignal): Promise<EngineLease>;
  /** Whether it is in memory as `acquire` would give it, so that nothing would be loaded or leave for it. */
  holds(source: ModelSource, options?: AcquireOptions): boolean;
  /** Null where memory is not ours to count. */
  estimate(source: ModelSource, options?: AcquireOptions): Promise<MemoryEstimate | null>;
  loaded(): LoadedModel[];
  /** Ends what runs with `interrupted` and frees the memory. Resolves false where it was not loaded. */
  unload(idOrReference: string): Promise<boolean>;
  /** The file with this hash was made anew, or is gone: what has it open takes in nobody more, and leaves once unused. */
  retire(sha256: string): void;
  /** Forgets the KV state of a chat under every model, in memory and on disk; null: of all chats, listed anywhere or not. */
  dropState(stateKey: string | null): Promise<void>;
  /** Why the last load of it failed; null where it did not. */
  lastError(idOrReference: string): AppError | null;
  /** How often an engine that had gone by itself was loaded again. */
  restarts(): number;
  /** Hears that a model began to load, is loaded, or left memory. Gives back what ends that. */
  onChange(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface FleetOptions {
  loaders: readonly EngineLoader[];
  resolve: (reference: string, signal?: AbortSignal) => Promise<ModelSource>;
  clock: Clock;
  log: Log;
  /** 0: a model stays until another needs the room. */
  idleMs: number;
  /** What holds for models of this machine where a request names nothing; services have limits of their own. */
  defaults?: AcquireOptions;
}

export function createFleet(options: FleetOptions): Engines {
  return new Fleet(options);
}

class Fleet implements Engines {
  readonly #options: FleetOptions;
  readonly #members = new Set<FleetMember>();
  readonly #errors = new Map<string, AppError>();
  /** Keys of engines that went by themselves. */
  readonly #fallen = new Set<string>();
  readonly #listeners = new Set<() => void>();
  readonly #room: Room;
  #restarts = 0;
  #loading: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#room = createRoom(this.#members, options.log);
  }

  acquire(source: ModelSource, options?: AcquireOptions, signal?: AbortSignal): Promise<EngineLease> {
    return this.#acquire(source, source.id, options, signal);
  }

  async use(reference: string, options?: AcquireOptions, signal?: AbortSignal): Promise<EngineLease> {
    this.#present();
    const source = await this.#options.resolve(reference, signal);
    return this.#acquire(source, reference, options, signal);
  }

  holds(source: ModelSource, options: AcquireOptions = {}): boolean {
    const found = this.#known(this.#keyFor(source, options).key);
    return found?.describe().state === 'loaded' && !found.isLeaving;
  }

  async estimate(source: ModelSource, options?: AcquireOptions): Promise<MemoryEstimate | null> {
    return this.#loaderOf(source).estimate(source, this.#wanted(source, options));
  }

  loaded(): LoadedModel[] {
    return [...this.#members].map((member) => member.describe());
  }

  async unload(idOrReference: string): Promise<boolean> {
    const found = [...this.#members].filter((member) => member.isNamed(idOrReference));
    await Promise.all(found.map((member) => member.drop()));
    return found.length > 0;
  }

  retire(sha256: string): void {
    for (const member of this.#members) if (hashesOf(member.source).includes(sha256)) member.retire();
  }

  async dropState(stateKey: string | null): Promise<void> {
    const inMemory = [...this.#members].map((member) => member.dropState(stateKey));
    // Files go after the engines that may still write them, and whatever one of those cannot do.
    const outcomes = await Promise.allSettled(inMemory);
    const onDisk = this.#options.loaders.map(async (loader) => loader.dropState?.(stateKey));
    outcomes.push(...(await Promise.allSettled(onDisk)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw toAppError(outcome.reason);
  }

  lastError(idOrReference: string): AppError | null {
    return this.#errors.get(idOrReference) ?? null;
  }

  restarts(): number {
    return this.#restarts;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#members].map((member) => member.drop()));
  }

  async #acquire(
    source: ModelSource,
    reference: string,
    options: AcquireOptions = {},
    signal?: AbortSignal,
  ): Promise<EngineLease> {
    this.#present();
    this.#loaderOf(source);
    try {
      let member = this.#join(source, reference, options);
      while (member.isLeaving) {
        await orAborted(member.gone, signal, noLongerWanted);
        this.#present();
        member = this.#join(source, reference, options);
      }
      const lease = await member.lease(options.onProgress, signal);
      this.#errors.delete(source.id);
      this.#errors.delete(reference);
      return lease;
    } catch (error) {
      const known = toAppError(error);
      if (known.code !== 'cancelled') this.#errors.set(source.id, known).set(reference, known);
      throw known;
    }
  }

  #present(): void {
    if (this.#isClosed) throw new AppError('shutting-down', 'The server is stopping.');
  }

  #loaderOf(source: ModelSource): EngineLoader {
    const loader = this.#options.loaders.find((one) => one.kind === source.kind);
    if (loader) return loader;
    throw new AppError('engine-unavailable', `No engine here can run a model of the kind "${source.kind}".`);
  }

  /** To a service a default would look like a wish. */
  #wanted(source: ModelSource, given: AcquireOptions | undefined): AcquireOptions {
    return source.kind === 'remote' ? { ...given } : { ...this.#options.defaults, ...given };
  }

  #keyFor(source: ModelSource, given: AcquireOptions): { wanted: LoadOptions; key: string } {
    const { onProgress: _, ...wanted } = this.#wanted(source, given);
    return { wanted, key: keyOf(source, wanted) };
  }

  #known(key: string): FleetMember | undefined {
    return [...this.#members].find((one) => one.key === key && !one.isRetired);
  }

  #join(source: ModelSource, reference: string, given: AcquireOptions): FleetMember {
    const { wanted, key } = this.#keyFor(source, given);
    const known = this.#known(key);
    if (known) {
      known.reference = reference;
      return known;
    }
    if (this.#fallen.delete(key)) this.#restarts++;
    const { clock, idleMs, log } = this.#options;
    const member = new FleetMember({
      key,
      source,
      reference,
      clock,
      idleMs,
      load: (own) => this.#load(source, { ...wanted, ...own }),
      onLoaded: () => this.#tell(),
      onIdle: (idle) => {
        const why = idle.isRetired ? 'since its file is another now' : 'after idling';
        log.info({ model: source.id }, `model leaves memory ${why}`);
        void idle.drop();
      },
      onGone: (gone, how) => {
        this.#members.delete(gone);
        if (how === 'by-itself') this.#fallen.add(key);
        this.#room.tell();
        this.#tell();
      },
      onReleased: this.#room.tell,
    });
    this.#members.add(member);
    this.#tell();
    return member;
  }

  /** One load at a time, so that two do not count on the same free memory. */
  #load(source: ModelSource, wanted: LoadOptions): Promise<Engine> {
    const loader = this.#loaderOf(source);
    const start = async (): Promise<Engine> => {
      await this.#room.make(loader, source, wanted);
      this.#present();
      return loader.load(source, wanted);
    };
    if (source.kind === 'remote') return start();
    const before = this.#loading;
    // Whoever is stopped while it waits is gone at once; those after it wait for the one before all the same.
    const next = orAborted(before, wanted.signal, noLongerWanted).then(start);
    this.#loading = Promise.allSettled([before, next]);
    return next;
  }
}

/** Of the files that an engine has open. */
function hashesOf(source: ModelSource): string[] {
  return source.kind === 'file' ? [source.sha256, ...source.adapters.map(({ sha256 }) => sha256)] : [];
}

/** What makes two loads of one model different engines. */
function keyOf(source: ModelSource, wanted: AcquireOptions): string {
  const { contextTokens, slots, kvType, gpuLayers } = wanted;
  return JSON.stringify([source, contextTokens, slots, kvType, gpuLayers]);
}
