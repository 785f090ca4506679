import { AppError } from '../../../contracts/app-error.ts';
import type { LoadMessage } from '../protocol.ts';
import type { Loaded } from '../protocol-results.ts';
import type { Bindings } from './bindings.ts';
import type { CancelLine } from './cancel-line.ts';
import { NativeContext } from './context.ts';
import { usableThreads } from './cpu-quota.ts';
import { residentBytes } from './libc.ts';
import { idleCellAllowance } from './idle-cells.ts';
import { measureThreads, type ThreadTime } from './measure-threads.ts';
import { createNativeContext, loadModel, type Model } from './model.ts';
import { Prompting } from './prompting.ts';
import type { Pointer } from './structs.ts';
import { ThreadController } from './thread-controller.ts';
import { ThreadPools } from './thread-pools.ts';
import { supportedRelease } from './verify.ts';

/** Larger steps do not read faster on a CPU and only take memory; a GPU wants more at once. */
const physicalBatch = { cpu: 128, gpu: 512 } as const;
const logicalBatch = 512;
/** Rows of logits in one batch beyond one for each slot; scoring uses them. */
const spareOutputs = 12;
const defaultContextTokens = 8192;
/** The library rounds the cache up to this. */
const cellBlock = 256;
const ggmlTypes = { f16: 1, q8_0: 8 } as const;

export interface LoadedAdapter {
  pointer: Pointer;
  sha256: string;
}

/** Everything that belongs to one model in memory. */
export interface LoadedModel {
  model: Model;
  context: NativeContext;
  prompting: Prompting;
  pools: ThreadPools;
  threads: ThreadController;
  adapters: Map<string, LoadedAdapter>;
  outputCapacity: number;
  kvTokens: number;
  contextTokens: number;
  slots: number;
  idleCellAllowance: number;
  /** What a saved state depends on besides its tokens and adapters. */
  basis: string;
  description: Loaded;
}

export interface LoadPlace {
  library: Bindings;
  cancelLine: CancelLine;
  onProgress(fraction: number): void;
  isCancelled(): boolean;
}

export async function loadEverything(message: LoadMessage, place: LoadPlace): Promise<LoadedModel> {
  const { library } = place;
  const model = await loadModel(library, {
    path: message.model.path,
    gpuLayers: message.gpuLayers,
    onProgress: (fraction) => place.onProgress(fraction),
    isCancelled: () => place.isCancelled(),
  });
  const sizes = sizesOf(message, model);
  const adapters = loadAdapters(library, model, message);
  const pointer = await createContext(message, { model, ...sizes }, place).catch((error: unknown) => {
    // There may be a second try with smaller wishes.
    model.free();
    throw error;
  });
  const context = new NativeContext(library, pointer, {
    batch: logicalBatch,
    vocabulary: model.vocabulary.size,
    embedding: model.embeddingLength,
  });
  const pools = new ThreadPools(library, pointer);
  const maxThreads = Math.min(message.maxThreads ?? Number.POSITIVE_INFINITY, usableThreads());
  const threads = new ThreadController({ maxThreads, use: (count) => pools.use(count) });
  const threadTimes = measureThreads({ context, threads, maxThreads, token: model.vocabulary.bosId ?? 0 });
  const prompting = await Prompting.create(model, message);
  const description = describe({ message, model, library, sizes, adapters, threads, threadTimes, prompting });
  const basis = basisOf(message, model, sizes);
  return {
    model,
    context,
    prompting,
    pools,
    threads,
    adapters: adapters.loaded,
    ...sizes,
    slots: message.slots,
    // What passing a cell costs a GPU is not known here.
    idleCellAllowance:
      message.gpuLayers === 0
        ? idleCellAllowance(
            { heads: model.heads, cellBytes: model.kvBytesPerToken(message.kvType) },
            threadTimes,
          )
        : Number.POSITIVE_INFINITY,
    basis,
    description,
  };
}

interface Sizes {
  contextTokens: number;
  kvTokens: number;
  outputCapacity: number;
}

function sizesOf(message: LoadMessage, model: Model): Sizes {
  const trained = model.trainedContextTokens || defaultContextTokens;
  const contextTokens = Math.min(message.contextTokens ?? defaultContextTokens, trained);
  const wanted = Math.max(contextTokens, message.kvTokens ?? contextTokens * message.slots);
  const kvTokens = Math.ceil(wanted / cellBlock) * cellBlock;
  return { contextTokens, kvTokens, outputCapacity: message.slots + spareOutputs };
}

function createContext(
  message: LoadMessage,
  place: Sizes & { model: Model },
  { library, cancelLine }: LoadPlace,
): Promise<Pointer> {
  const { callback, data } = cancelLine.abort;
  const type = ggmlTypes[message.kvType];
  return createNativeContext(library, place.model, {
    ...library.contextDefaults(),
    n_ctx: place.kvTokens,
    n_batch: logicalBatch,
    n_ubatch: message.gpuLayers === 0 ? physicalBatch.cpu : physicalBatch.gpu,
    // One more, which is lent to whoever is written out.
    n_seq_max: message.slots + 1,
    n_outputs_max: place.outputCapacity,
    kv_unified: true,
    // Pooled here: the library would do it for all of a batch, answers included.
    pooling_type: 0,
    type_k: type,
    type_v: type,
    abort_callback: callback,
    abort_callback_data: data,
  });
}

interface Adapters {
  loaded: Map<string, LoadedAdapter>;
  problems: Map<string, string>;
}

/** An adapter that cannot be used is said to be so; the model is served without it. */
function loadAdapters(library: Bindings, model: Model, message: LoadMessage): Adapters {
  const loaded = new Map<string, LoadedAdapter>();
  const problems = new Map<string, string>();
  for (const { id, path, sha256 } of message.adapters) {
    const pointer = library.adapterLoad(model.pointer, path);
    if (pointer === null) problems.set(id, 'It does not fit this model, or its file cannot be read.');
    else loaded.set(id, { pointer, sha256 });
  }
  return { loaded, problems };
}

function basisOf(message: LoadMessage, model: Model, sizes: Sizes): string {
  const architecture = model.metadata('general.architecture') ?? '';
  const rope = ['rope.freq_base', 'rope.scaling.type', 'rope.scaling.factor']
    .map((key) => model.metadata(`${architecture}.${key}`) ?? '')
    .join(',');
  const { sha256 } = message.model;
  // Long-context rope factors are chosen by the size of the cache.
  return `${sha256}|${rope}|${message.kvType}|fa-auto|unified-${sizes.kvTokens}|${supportedRelease}`;
}

interface Described {
  message: LoadMessage;
  model: Model;
  library: Bindings;
  sizes: Sizes;
  adapters: Adapters;
  threads: ThreadController;
  threadTimes: ThreadTime[];
  prompting: Prompting;
}

function describe(described: Described): Loaded {
  const { message, model, library, sizes, adapters, threads, threadTimes, prompting } = described;
  const { vocabulary } = model;
  return {
    architecture: model.metadata('general.architecture') ?? 'unknown',
    name: model.metadata('general.name') ?? message.model.id,
    parameters: model.parameters,
    contextTokens: sizes.contextTokens,
    kvTokens: sizes.kvTokens,
    slots: message.slots,
    trainedContextTokens: model.trainedContextTokens,
    vocabularySize: vocabulary.size,
    bosTokenId: vocabulary.bosId,
    eosTokenIds: [...vocabulary.endIds],
    template: prompting.template,
    adapters: message.adapters.map(({ id }) => {
      const problem = adapters.problems.get(id);
      return { id, loaded: problem === undefined, ...(problem === undefined ? {} : { problem }) };
    }),
    weightsBytes: model.weightsBytes,
    kvBytes: sizes.kvTokens * model.kvBytesPerToken(message.kvType),
    residentBytes: residentBytes(),
    threads: threads.threads,
    threadTimes,
    device: deviceName(library, message.gpuLayers),
    flashAttention: true,
  };
}

function deviceName(library: Bindings, gpuLayers: number): string {
  const count = library.deviceCount();
  const devices = Array.from({ length: count }, (_, index) => library.deviceAt(index));
  const gpu = devices.find((device) => library.deviceKind(device) === 1);
  const chosen = gpuLayers !== 0 && gpu !== undefined ? gpu : devices.at(-1);
  if (chosen === undefined)
    throw new AppError('engine-library-refused', 'The libraries found no device to compute on.');
  return library.deviceDescription(chosen);
}
