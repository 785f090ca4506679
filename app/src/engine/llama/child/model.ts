import { register, unregister } from 'koffi';
import { AppError } from '../../../contracts/app-error.ts';
import type { Bindings } from './bindings.ts';
import { logCallback, progressCallback } from './callbacks.ts';
import { libcAddress } from './libc.ts';
import type { ContextParameters, ModelParameters, Pointer } from './structs.ts';
import { Vocabulary } from './vocabulary.ts';

/** Lines of the library's own log kept to explain a failed load. */
const keptLines = 8;
const warningLevel = 3;
const continuationLevel = 5;

export interface ModelLoadOptions {
  path: string;
  gpuLayers: number;
  onProgress(fraction: number): void;
  isCancelled(): boolean;
}

/** llama.cpp's number for it in a file's `pooling_type`. */
const lastPooling = 3;

/** A model in memory. */
export class Model {
  readonly pointer: Pointer;
  readonly vocabulary: Vocabulary;
  readonly #library: Bindings;

  constructor(library: Bindings, pointer: Pointer) {
    this.#library = library;
    this.pointer = pointer;
    this.vocabulary = new Vocabulary(library, library.modelVocab(pointer));
  }

  get trainedContextTokens(): number {
    return this.#library.modelTrainedContext(this.pointer);
  }

  get parameters(): number {
    return Number(this.#library.modelParameterCount(this.pointer));
  }

  get weightsBytes(): number {
    return Number(this.#library.modelSize(this.pointer));
  }

  get slidingWindow(): number {
    return this.#library.modelSlidingWindow(this.pointer);
  }

  /** Whether the state of a sequence can be cut back to any length. */
  get canTrim(): boolean {
    return !this.#library.modelIsRecurrent(this.pointer) && !this.#library.modelIsHybrid(this.pointer);
  }

  /** A scalar of the file's metadata as text; null where it has none of that name. */
  metadata(key: string): string | null {
    let buffer = Buffer.alloc(4096);
    let length = this.#library.modelMetaValue(this.pointer, key, buffer, buffer.length);
    if (length >= buffer.length) {
      buffer = Buffer.alloc(length + 1);
      length = this.#library.modelMetaValue(this.pointer, key, buffer, buffer.length);
    }
    return length < 0 ? null : buffer.toString('utf8', 0, length);
  }

  /** Numbers that the last layer gives for a token. */
  get embeddingLength(): number {
    return this.#library.modelEmbeddingLength(this.pointer);
  }

  /** Whether the file wants a text told by its last token alone, rather than by the middle of all. */
  get poolsLast(): boolean {
    return this.#shape('pooling_type') === lastPooling;
  }

  /** Attention heads of all layers together; 0 where the file does not say. */
  get heads(): number {
    return this.#shape('block_count') * this.#shape('attention.head_count');
  }

  /** Memory that one token takes in the KV cache. */
  kvBytesPerToken(type: 'f16' | 'q8_0'): number {
    const heads = this.#shape('attention.head_count');
    const headsKv = this.#shape('attention.head_count_kv') || heads;
    const headSize = heads > 0 ? this.#shape('embedding_length') / heads : 0;
    const keys = this.#shape('attention.key_length') || headSize;
    const values = this.#shape('attention.value_length') || headSize;
    const bytesPerValue = type === 'f16' ? 2 : 34 / 32;
    return Math.round(this.#shape('block_count') * headsKv * (keys + values) * bytesPerValue);
  }

  /** A number of this architecture's metadata; 0 where the file has none, or one for each layer. */
  #shape(key: string): number {
    const architecture = this.metadata('general.architecture') ?? '';
    return Number(this.metadata(`${architecture}.${key}`) ?? 0) || 0;
  }

  free(): void {
    this.#library.modelFree(this.pointer);
  }
}

/** Reads a model file. The event loop goes on meanwhile; `isCancelled` is asked at each step of progress. */
export async function loadModel(library: Bindings, options: ModelLoadOptions): Promise<Model> {
  const onProgress = register((fraction: number) => {
    options.onProgress(Math.min(1, Math.max(0, fraction)));
    return !options.isCancelled();
  }, progressCallback);
  const parameters: ModelParameters = {
    ...library.modelDefaults(),
    n_gpu_layers: options.gpuLayers,
    progress_callback: onProgress,
  };
  try {
    const { pointer, log } = await withLog(library, () =>
      callAsync(library.modelLoad, options.path, parameters),
    );
    if (pointer !== null) return openModel(library, pointer);
    if (options.isCancelled()) throw new AppError('cancelled', 'Loading the model was stopped.');
    throw new AppError(
      'model-load-failed',
      `The engine refused the model file: ${log || 'no reason given'}.`,
      {
        hint: 'Check the file with `corral check`, or fetch it anew.',
      },
    );
  } finally {
    unregister(onProgress);
  }
}

function openModel(library: Bindings, pointer: Pointer): Model {
  if (library.modelHasEncoder(pointer) || !library.modelHasDecoder(pointer)) {
    library.modelFree(pointer);
    throw new AppError(
      'model-unsupported',
      'The model is no decoder: it cannot write an answer token by token.',
    );
  }
  return new Model(library, pointer);
}

/** Makes the memory that computing needs. Null, with the library's own words, where there is no room. */
export async function createNativeContext(
  library: Bindings,
  model: Model,
  parameters: ContextParameters,
): Promise<Pointer> {
  const { pointer, log } = await withLog(library, () =>
    callAsync(library.contextInit, model.pointer, parameters),
  );
  if (pointer !== null) return pointer;
  throw new AppError(
    'model-does-not-fit',
    `The engine could not set up its memory: ${log || 'no reason given'}.`,
    {
      hint: 'Choose a smaller context, or KV type q8_0.',
    },
  );
}

type NativeFunction = Bindings['modelLoad'];

function callAsync(call: NativeFunction, ...parameters: unknown[]): Promise<Pointer> {
  return new Promise((resolve, reject) => {
    call.async(...parameters, (error: unknown, result: Pointer) => {
      if (error === null || error === undefined) resolve(result);
      else reject(new AppError('internal', 'A native call could not be made.', { cause: error }));
    });
  });
}

/**
 * Collects warnings while `run` works. Afterwards the library's log goes to a C function that does nothing:
 * a callback into JavaScript from a compute thread would wait for this thread, which waits for the computation.
 */
async function withLog(
  library: Bindings,
  run: () => Promise<Pointer>,
): Promise<{ pointer: Pointer; log: string }> {
  const lines: string[] = [];
  const onLine = register((level: number, text: string) => {
    if (level < warningLevel || level === continuationLevel) return;
    lines.push(text.trim().slice(0, 500));
    if (lines.length > keptLines) lines.shift();
  }, logCallback);
  library.logSet(onLine, null);
  try {
    const pointer = await run();
    return { pointer, log: lines.join('; ') };
  } finally {
    silence(library);
    unregister(onLine);
  }
}

export function silence(library: Bindings): void {
  const nothing = libcAddress('getppid');
  library.logSet(nothing, null);
  library.logSetBase(nothing, null);
}
