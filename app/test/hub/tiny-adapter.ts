import { encodeSafetensors } from '../../src/formats/safetensors/safetensors-writer.ts';
import { SeededRandom } from '../fixtures/random.ts';

export interface TinyAdapterOptions {
  /** What its config names as its base. */
  base: string;
  width?: number;
  layers?: number;
  rank?: number;
  seed?: number;
  /** No tensors at all, as some early training scripts left it. */
  isEmpty?: boolean;
}

/** A random PEFT LoRA on the query and output projections of a tiny llama, as files of a repository. */
export function tinyAdapter(options: TinyAdapterOptions): Record<string, Uint8Array | string> {
  const { width = 64, layers = 2, rank = 4, seed = 7 } = options;
  const random = new SeededRandom(seed);
  const matrix = (name: string, shape: [number, number]) => {
    const values = random.normals(shape[0] * shape[1], 0.2);
    return {
      name: `base_model.model.${name}.weight`,
      dtype: 'f32' as const,
      shape,
      bytes: new Uint8Array(values.buffer),
    };
  };
  const modules = Array.from({ length: layers }, (_, layer) =>
    ['q_proj', 'o_proj'].map((name) => `model.layers.${layer}.self_attn.${name}`),
  ).flat();
  const tensors = modules.flatMap((module) => [
    matrix(`${module}.lora_A`, [rank, width]),
    matrix(`${module}.lora_B`, [width, rank]),
  ]);
  return {
    'adapter_config.json': JSON.stringify({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: options.base,
      r: rank,
      lora_alpha: 16,
      lora_dropout: 0,
      bias: 'none',
      target_modules: ['q_proj', 'o_proj'],
    }),
    'adapter_model.safetensors': encodeSafetensors(options.isEmpty === true ? [] : tensors),
  };
}
