import { refused, type Bindings } from './bindings.ts';
import type { ContextParameters, ModelParameters } from './structs.ts';

/** The release whose struct layouts structs.ts declares. */
export const supportedRelease = '0.5.0';

const modelDefaults: ModelParameters = {
  devices: null,
  tensor_buft_overrides: null,
  n_gpu_layers: -1,
  split_mode: 1,
  load_mode: -1,
  lazy_mode: 1,
  main_gpu: 0,
  tensor_split: null,
  progress_callback: null,
  progress_callback_user_data: null,
  kv_overrides: null,
  vocab_only: false,
  check_tensors: false,
  use_extra_bufts: true,
  no_host: false,
  no_alloc: false,
  load_mtp: false,
};

const contextDefaults: ContextParameters = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  n_rs_seq: 0,
  n_outputs_max: 0,
  n_outputs_max_per_seq: 1,
  n_threads: 4,
  n_threads_batch: 4,
  ctx_type: 0,
  rope_scaling_type: -1,
  pooling_type: -1,
  attention_type: -1,
  flash_attn_type: -1,
  rope_freq_base: 0,
  rope_freq_scale: 0,
  yarn_ext_factor: -1,
  yarn_attn_factor: -1,
  yarn_beta_fast: -1,
  yarn_beta_slow: -1,
  yarn_orig_ctx: 0,
  defrag_thold: -1,
  cb_eval: null,
  cb_eval_user_data: null,
  type_k: 1,
  type_v: 1,
  abort_callback: null,
  abort_callback_data: null,
  embeddings: false,
  offload_kqv: true,
  no_perf: true,
  op_offload: true,
  swa_full: true,
  kv_unified: false,
  samplers: null,
  n_samplers: 0,
  ctx_other: null,
};

/**
 * A struct of another layout would be read as nonsense, not as an error: so the version must be the supported one
 * and each default field must hold what the release's source says, before any of them is passed.
 */
export function verifyLibraries(library: Bindings): string {
  const version = library.version();
  if (version.replace(/-dev$/, '') !== supportedRelease) {
    throw refused(`The libraries are llama.cpp ${version}; ${supportedRelease} is supported.`);
  }
  compare('llama_model_params', library.modelDefaults(), modelDefaults);
  compare('llama_context_params', library.contextDefaults(), contextDefaults);
  const pool = library.poolDefaults(3);
  const { n_threads, prio, poll, strict_cpu, paused } = pool;
  compare(
    'ggml_threadpool_params',
    { n_threads, prio, poll, strict_cpu, paused },
    { n_threads: 3, prio: 0, poll: 50, strict_cpu: false, paused: false },
  );
  return version;
}

export function compare(struct: string, actual: object, expected: object): void {
  const seen = new Map(Object.entries(actual));
  for (const [field, value] of Object.entries(expected)) {
    if (seen.get(field) !== value) {
      throw refused(
        `Field ${field} of ${struct} is ${String(seen.get(field))} where release ${supportedRelease} has ${String(value)}: its layout is another one.`,
      );
    }
  }
}
