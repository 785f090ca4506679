import { ggufEntry } from '../../../formats/gguf/gguf-writer.ts';
import type { GgufEntry } from '../../../formats/gguf/gguf-types.ts';
import type { ModelConfig } from './model-config.ts';

/** How positions are stretched, as llama.cpp reads it for every family; Llama 3's way is a tensor instead. */
export function scalingEntries(prefix: string, config: ModelConfig): [string, GgufEntry][] {
  const { string, u32, f32 } = ggufEntry;
  const scaling = config.ropeScaling;
  if (scaling.kind === 'linear')
    return [
      [`${prefix}.rope.scaling.type`, string('linear')],
      [`${prefix}.rope.scaling.factor`, f32(scaling.factor)],
    ];
  if (scaling.kind !== 'yarn') return [];
  return [
    [`${prefix}.rope.scaling.type`, string('yarn')],
    [`${prefix}.rope.scaling.factor`, f32(scaling.factor)],
    [`${prefix}.rope.scaling.original_context_length`, u32(scaling.originalContext)],
    ...(scaling.attentionFactor === 1
      ? []
      : ([[`${prefix}.rope.scaling.attn_factor`, f32(scaling.attentionFactor)]] as [string, GgufEntry][])),
  ];
}
