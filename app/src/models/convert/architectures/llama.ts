import { numberField } from './model-config.ts';
import { rotaryArchitecture } from './rotary-family.ts';

/** LLaMA 1 to 3.x, Mistral 7B and Nemo, TinyLlama, Vicuna, SmolLM 1 and 2, Yi, Code Llama. */
export const llama = rotaryArchitecture({
  name: 'llama',
  classes: ['LlamaForCausalLM', 'LLaMAForCausalLM', 'MistralForCausalLM'],
  defaults: {
    contextTokens: 2048,
    // Only Mistral's config class has a default other than the number of heads.
    keyValueHeads: (raw) =>
      raw['model_type'] === 'mistral' && numberField(raw, 'num_attention_heads') === 32 ? 8 : undefined,
  },
  isWoven: true,
  hasBiasesEverywhere: true,
  hasStretchedFrequencies: true,
  hasFreeHeadWidth: true,
});
