import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { load, type LibraryHandle, type TypeObject } from 'koffi';
import { AppError } from '../../../contracts/app-error.ts';
import {
  batch,
  contextParameters,
  modelParameters,
  poolParameters,
  type Batch,
  type ContextParameters,
  type ModelParameters,
  type Pointer,
  type PoolParameters,
} from './structs.ts';

/** The functions of the C API that this program uses, under their own names. */
export type Bindings = ReturnType<typeof bind>;

/** Loads the libraries of one directory. Nothing of a model is touched yet. */
export function openLibraries(directory: string): Bindings {
  const base = open(directory, 'libggml-base');
  const ggml = open(directory, 'libggml');
  const llama = open(directory, 'libllama');
  try {
    return bind(llama, ggml, base);
  } catch (cause) {
    throw refused(`The libraries in ${directory} lack a function that release 0.5.0 has.`, cause);
  }
}

export function refused(message: string, cause?: unknown): AppError {
  return new AppError('engine-library-refused', message, {
    hint: 'Reinstall with npm ci, or point CORRAL_LLAMA_DIR at a build of the supported release.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** `libllama.v0.5.0.so` and `libllama.cuda.v0.5.0.so` of the npm packages, `libllama.so` of one's own build. */
function open(directory: string, name: string): LibraryHandle {
  if (!existsSync(directory)) throw refused(`There is no directory ${directory}.`);
  const escaped = name.replace('.', '\\.');
  const pattern = new RegExp(`^${escaped}(\\.[a-z]+)?(\\.v[\\d.]+)?\\.(so|dylib)$`);
  const file = readdirSync(directory).find((entry) => pattern.test(entry));
  if (file === undefined) throw refused(`There is no ${name} in ${directory}.`);
  try {
    // Global, because the libraries look for one another by name.
    return load(join(directory, file), { global: true });
  } catch (cause) {
    throw refused(`${file} in ${directory} could not be loaded: ${String(cause)}`, cause);
  }
}

type Call<A extends unknown[], R> = (...parameters: A) => R;

function bind(llama: LibraryHandle, ggml: LibraryHandle, base: LibraryHandle) {
  return { ...bindModel(llama), ...bindContext(llama), ...bindGgml(ggml, base) };
}

function bindModel(llama: LibraryHandle) {
  const p = 'void *';
  const f = (name: string, result: string | TypeObject, parameters: unknown[]) =>
    llama.func(name, result, parameters as never);
  return {
    version: f('llama_version', 'str', []) as Call<[], string>,
    backendInit: f('llama_backend_init', 'void', []) as Call<[], void>,
    logSet: f('llama_log_set', 'void', [p, p]) as Call<[Pointer, Pointer], void>,
    modelDefaults: f('llama_model_default_params', modelParameters, []) as Call<[], ModelParameters>,
    contextDefaults: f('llama_context_default_params', contextParameters, []) as Call<[], ContextParameters>,
    modelLoad: f('llama_model_load_from_file', p, ['str', modelParameters]),
    modelFree: f('llama_model_free', 'void', [p]) as Call<[Pointer], void>,
    modelVocab: f('llama_model_get_vocab', p, [p]) as Call<[Pointer], Pointer>,
    modelEmbeddingLength: f('llama_model_n_embd_out', 'int32_t', [p]) as Call<[Pointer], number>,
    modelTrainedContext: f('llama_model_n_ctx_train', 'int32_t', [p]) as Call<[Pointer], number>,
    modelSlidingWindow: f('llama_model_n_swa', 'int32_t', [p]) as Call<[Pointer], number>,
    modelSize: f('llama_model_size', 'uint64_t', [p]) as Call<[Pointer], number | bigint>,
    modelParameterCount: f('llama_model_n_params', 'uint64_t', [p]) as Call<[Pointer], number | bigint>,
    modelHasEncoder: f('llama_model_has_encoder', 'bool', [p]) as Call<[Pointer], boolean>,
    modelHasDecoder: f('llama_model_has_decoder', 'bool', [p]) as Call<[Pointer], boolean>,
    modelIsRecurrent: f('llama_model_is_recurrent', 'bool', [p]) as Call<[Pointer], boolean>,
    modelIsHybrid: f('llama_model_is_hybrid', 'bool', [p]) as Call<[Pointer], boolean>,
    modelMetaCount: f('llama_model_meta_count', 'int32_t', [p]) as Call<[Pointer], number>,
    modelMetaValue: f('llama_model_meta_val_str', 'int32_t', [p, 'str', p, 'size_t']) as Call<
      [Pointer, string, Uint8Array, number],
      number
    >,
    vocabSize: f('llama_vocab_n_tokens', 'int32_t', [p]) as Call<[Pointer], number>,
    vocabType: f('llama_vocab_type', 'int32_t', [p]) as Call<[Pointer], number>,
    vocabIsEnd: f('llama_vocab_is_eog', 'bool', [p, 'int32_t']) as Call<[Pointer, number], boolean>,
    vocabIsControl: f('llama_vocab_is_control', 'bool', [p, 'int32_t']) as Call<[Pointer, number], boolean>,
    vocabBos: f('llama_vocab_bos', 'int32_t', [p]) as Call<[Pointer], number>,
    vocabEos: f('llama_vocab_eos', 'int32_t', [p]) as Call<[Pointer], number>,
    vocabAddsBos: f('llama_vocab_get_add_bos', 'bool', [p]) as Call<[Pointer], boolean>,
    vocabText: f('llama_vocab_get_text', 'str', [p, 'int32_t']) as Call<[Pointer, number], string | null>,
    vocabAttributes: f('llama_vocab_get_attr', 'int32_t', [p, 'int32_t']) as Call<[Pointer, number], number>,
    tokenize: f('llama_tokenize', 'int32_t', [p, p, 'int32_t', p, 'int32_t', 'bool', 'bool']) as Call<
      [Pointer, Uint8Array, number, Int32Array, number, boolean, boolean],
      number
    >,
    tokenPiece: f('llama_token_to_piece', 'int32_t', [p, 'int32_t', p, 'int32_t', 'int32_t', 'bool']) as Call<
      [Pointer, number, Uint8Array, number, number, boolean],
      number
    >,
    adapterLoad: f('llama_adapter_lora_init', p, [p, 'str']) as Call<[Pointer, string], Pointer>,
    adapterFree: f('llama_adapter_lora_free', 'void', [p]) as Call<[Pointer], void>,
    grammarInit: f('llama_sampler_init_grammar', p, [p, 'str', 'str']),
    samplerApply: f('llama_sampler_apply', 'void', [p, p]) as Call<[Pointer, bigint | Uint8Array], void>,
    samplerAccept: f('llama_sampler_accept', 'void', [p, 'int32_t']) as Call<[Pointer, number], void>,
    samplerFree: f('llama_sampler_free', 'void', [p]) as Call<[Pointer], void>,
  };
}

function bindContext(llama: LibraryHandle) {
  const p = 'void *';
  const i = 'int32_t';
  const f = (name: string, result: string, parameters: unknown[]) =>
    llama.func(name, result, parameters as never);
  return {
    contextInit: f('llama_init_from_model', p, [p, contextParameters]),
    contextFree: f('llama_free', 'void', [p]) as Call<[Pointer], void>,
    contextSize: f('llama_n_ctx', 'uint32_t', [p]) as Call<[Pointer], number>,
    memory: f('llama_get_memory', p, [p]) as Call<[Pointer], Pointer>,
    memoryClear: f('llama_memory_clear', 'void', [p, 'bool']) as Call<[Pointer, boolean], void>,
    sequenceRemove: f('llama_memory_seq_rm', 'bool', [p, i, i, i]) as Call<
      [Pointer, number, number, number],
      boolean
    >,
    sequenceCopy: f('llama_memory_seq_cp', 'void', [p, i, i, i, i]) as Call<
      [Pointer, number, number, number, number],
      void
    >,
    sequenceLast: f('llama_memory_seq_pos_max', i, [p, i]) as Call<[Pointer, number], number>,
    stateSize: f('llama_state_seq_get_size', 'size_t', [p, i]) as Call<[Pointer, number], number>,
    stateGet: f('llama_state_seq_get_data', 'size_t', [p, p, 'size_t', i]) as Call<
      [Pointer, Uint8Array, number, number],
      number
    >,
    stateSet: f('llama_state_seq_set_data', 'size_t', [p, p, 'size_t', i]) as Call<
      [Pointer, Uint8Array, number, number],
      number
    >,
    setThreads: f('llama_set_n_threads', 'void', [p, i, i]) as Call<[Pointer, number, number], void>,
    attachPool: f('llama_attach_threadpool', 'void', [p, p, p]) as Call<[Pointer, Pointer, Pointer], void>,
    detachPool: f('llama_detach_threadpool', 'void', [p]) as Call<[Pointer], void>,
    setAdapters: f('llama_set_adapters_lora', i, [p, p, 'size_t', p]) as Call<
      [Pointer, BigUint64Array | null, number, Float32Array | null],
      number
    >,
    decode: f('llama_decode', i, [p, batch]) as Call<[Pointer, Batch], number>,
    logits: f('llama_get_logits_ith', p, [p, i]) as Call<[Pointer, number], Pointer>,
    embedding: f('llama_get_embeddings_ith', p, [p, i]) as Call<[Pointer, number], Pointer>,
    setEmbeddings: f('llama_set_embeddings', 'void', [p, 'bool']) as Call<[Pointer, boolean], void>,
    synchronize: f('llama_synchronize', 'void', [p]) as Call<[Pointer], void>,
  };
}

function bindGgml(ggml: LibraryHandle, base: LibraryHandle) {
  const p = 'void *';
  const g = (name: string, result: string, parameters: unknown[]) =>
    ggml.func(name, result, parameters as never);
  const b = (name: string, result: string, parameters: unknown[]) =>
    base.func(name, result, parameters as never);
  return {
    loadBackends: g('ggml_backend_load_all_from_path', 'void', ['str']) as Call<[string], void>,
    loadBackend: g('ggml_backend_load', p, ['str']) as Call<[string], Pointer | null>,
    deviceCount: g('ggml_backend_dev_count', 'size_t', []) as Call<[], number>,
    deviceAt: g('ggml_backend_dev_get', p, ['size_t']) as Call<[number], Pointer>,
    cpuRegistry: g('ggml_backend_reg_by_name', p, ['str']) as Call<[string], Pointer>,
    logSetBase: b('ggml_log_set', 'void', [p, p]) as Call<[Pointer, Pointer], void>,
    deviceName: b('ggml_backend_dev_name', 'str', [p]) as Call<[Pointer], string>,
    deviceDescription: b('ggml_backend_dev_description', 'str', [p]) as Call<[Pointer], string>,
    deviceKind: b('ggml_backend_dev_type', 'int', [p]) as Call<[Pointer], number>,
    deviceMemory: b('ggml_backend_dev_memory', 'void', [p, p, p]) as Call<
      [Pointer, BigUint64Array, BigUint64Array],
      void
    >,
    procedure: b('ggml_backend_reg_get_proc_address', p, [p, 'str']) as Call<[Pointer, string], Pointer>,
    poolDefaults: base.func('ggml_threadpool_params_default', poolParameters, ['int']) as Call<
      [number],
      PoolParameters
    >,
  };
}
