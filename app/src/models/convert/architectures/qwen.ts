import { rotaryArchitecture } from './rotary-family.ts';

/** Qwen 1.5, 2 and 2.5: biases on queries, keys and values; rows stay where they are. */
export const qwen2 = rotaryArchitecture({
  name: 'qwen2',
  classes: ['Qwen2ForCausalLM'],
  defaults: { contextTokens: 32_768 },
  isWoven: false,
});

/** Qwen 3: a norm on each head's queries and keys, and heads whose width is stated. */
export const qwen3 = rotaryArchitecture({
  name: 'qwen3',
  classes: ['Qwen3ForCausalLM'],
  defaults: { contextTokens: 32_768 },
  isWoven: false,
  hasQueryKeyNorms: true,
  hasFreeHeadWidth: true,
});
