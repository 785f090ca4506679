import { array, struct, type TypeObject } from 'koffi';

/**
 * Layouts of the structs of llama.h and ggml.h of release 0.5.0, passed by value or by pointer.
 * They belong to that release alone: verify.ts compares the library's own defaults field by field before use.
 */

/** A C pointer. koffi gives and takes them as BigInt; null is NULL. */
export type Pointer = bigint | null;

const modelFields = {
  devices: 'void *',
  tensor_buft_overrides: 'void *',
  n_gpu_layers: 'int32_t',
  split_mode: 'int32_t',
  load_mode: 'int32_t',
  lazy_mode: 'int32_t',
  main_gpu: 'int32_t',
  tensor_split: 'void *',
  progress_callback: 'void *',
  progress_callback_user_data: 'void *',
  kv_overrides: 'void *',
  vocab_only: 'bool',
  check_tensors: 'bool',
  use_extra_bufts: 'bool',
  no_host: 'bool',
  no_alloc: 'bool',
  load_mtp: 'bool',
} as const;

const contextFields = {
  n_ctx: 'uint32_t',
  n_batch: 'uint32_t',
  n_ubatch: 'uint32_t',
  n_seq_max: 'uint32_t',
  n_rs_seq: 'uint32_t',
  n_outputs_max: 'uint32_t',
  n_outputs_max_per_seq: 'uint32_t',
  n_threads: 'int32_t',
  n_threads_batch: 'int32_t',
  ctx_type: 'int32_t',
  rope_scaling_type: 'int32_t',
  pooling_type: 'int32_t',
  attention_type: 'int32_t',
  flash_attn_type: 'int32_t',
  rope_freq_base: 'float',
  rope_freq_scale: 'float',
  yarn_ext_factor: 'float',
  yarn_attn_factor: 'float',
  yarn_beta_fast: 'float',
  yarn_beta_slow: 'float',
  yarn_orig_ctx: 'uint32_t',
  defrag_thold: 'float',
  cb_eval: 'void *',
  cb_eval_user_data: 'void *',
  type_k: 'int32_t',
  type_v: 'int32_t',
  abort_callback: 'void *',
  abort_callback_data: 'void *',
  embeddings: 'bool',
  offload_kqv: 'bool',
  no_perf: 'bool',
  op_offload: 'bool',
  swa_full: 'bool',
  kv_unified: 'bool',
  samplers: 'void *',
  n_samplers: 'size_t',
  ctx_other: 'void *',
} as const;

const batchFields = {
  n_tokens: 'int32_t',
  token: 'void *',
  embd: 'void *',
  pos: 'void *',
  n_seq_id: 'void *',
  seq_id: 'void *',
  logits: 'void *',
} as const;

/** One boolean for each of GGML_MAX_N_THREADS cores. */
export const maxPoolThreads = 512;

type ValueOf<T extends string> = T extends 'void *' ? Pointer : T extends 'bool' ? boolean : number;
type RecordOf<F extends Record<string, string>> = { -readonly [K in keyof F]: ValueOf<F[K]> };

export type ModelParameters = RecordOf<typeof modelFields>;
export type ContextParameters = RecordOf<typeof contextFields>;
export type Batch = RecordOf<typeof batchFields>;

export interface PoolParameters {
  cpumask: boolean[] | Uint8Array;
  n_threads: number;
  prio: number;
  poll: number;
  strict_cpu: boolean;
  paused: boolean;
}

export const modelParameters: TypeObject = struct('llama_model_params', modelFields);
export const contextParameters: TypeObject = struct('llama_context_params', contextFields);
export const batch: TypeObject = struct('llama_batch', batchFields);
export const poolParameters: TypeObject = struct('ggml_threadpool_params', {
  cpumask: array('uint8_t', maxPoolThreads, 'Typed'),
  n_threads: 'int',
  prio: 'int',
  poll: 'uint32_t',
  strict_cpu: 'bool',
  paused: 'bool',
});
