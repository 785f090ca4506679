import { call, pointer, proto } from 'koffi';
import { refused, type Bindings } from './bindings.ts';
import { poolParameters, type Pointer } from './structs.ts';

const newPool = proto('void *', [pointer(poolParameters)]);
const freePool = proto('void', ['void *']);

/**
 * How long a thread looks for more to compute before it sleeps, in some 3 ms each. The steps of an answer follow each
 * other in less than one; by default it would hold its core for a sixth of a second after each answer, while its last
 * words are written to the disk and the next question is made ready.
 */
const patience = 3;

/**
 * Threads that stay between decodes, one pool for each count: a pool of two asked for one thread
 * still wakes the other, so changing the count means attaching another pool.
 */
export class ThreadPools {
  readonly #library: Bindings;
  readonly #context: Pointer;
  readonly #create: Pointer;
  readonly #free: Pointer;
  readonly #pools = new Map<number, Pointer>();
  #threads = 0;

  constructor(library: Bindings, context: Pointer) {
    this.#library = library;
    this.#context = context;
    const registry = library.cpuRegistry('CPU');
    this.#create = library.procedure(registry, 'ggml_threadpool_new');
    this.#free = library.procedure(registry, 'ggml_threadpool_free');
    if (this.#create === null || this.#free === null) {
      throw refused('The CPU library has no thread pools.');
    }
  }

  get threads(): number {
    return this.#threads;
  }

  use(threads: number): void {
    if (threads === this.#threads) return;
    let pool = this.#pools.get(threads);
    if (pool === undefined) {
      pool = call(this.#create, newPool, {
        ...this.#library.poolDefaults(threads),
        poll: patience,
      }) as Pointer;
      if (pool === null) return;
      this.#pools.set(threads, pool);
    }
    this.#library.attachPool(this.#context, pool, pool);
    this.#library.setThreads(this.#context, threads, threads);
    this.#threads = threads;
  }

  free(): void {
    this.#library.detachPool(this.#context);
    for (const pool of this.#pools.values()) call(this.#free, freePool, pool);
    this.#pools.clear();
  }
}
