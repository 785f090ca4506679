import { describe, expect, it } from 'vitest';
import { baseOf, isSameBase } from './base-models.ts';

describe('the base of an adapter', () => {
  it.each([
    ['unsloth/Qwen2.5-7B-Instruct-bnb-4bit', 'unsloth/Qwen2.5-7B-Instruct'],
    ['unsloth/qwen3-8b-unsloth-bnb-4bit', 'unsloth/qwen3-8b'],
    ['unsloth/llama-3-8b-bnb-4bit', 'meta-llama/Meta-Llama-3-8B'],
    ['unsloth/llama-3.2-1b-instruct-bnb-4bit', 'meta-llama/Llama-3.2-1B-Instruct'],
    ['decapoda-research/llama-7b-hf/', 'huggyllama/llama-7b'],
    ['someone/model-bnb-4bit', 'someone/model-bnb-4bit'],
    ['/home/someone/models/7b', undefined],
  ])('that names %s is %s', (named, base) => {
    expect(baseOf('someone/lora', named)).toBe(base);
  });

  it.each([
    ['unsloth/Qwen2.5-7B-Instruct-bnb-4bit', 'Qwen/Qwen2.5-7B-Instruct', true],
    ['mistralai/Mistral-7B-v0.3', 'unsloth/mistral-7b-v0.3-bnb-4bit', true],
    ['meta-llama/Meta-Llama-3-8B', 'unsloth/llama-3-8b-bnb-4bit', true],
    ['unsloth/Qwen2.5-7B-Instruct-bnb-4bit', 'Qwen/Qwen2.5-7B', false],
    ['someone/Qwen2.5-7B', 'Qwen/Qwen2.5-7B', false],
    ['unsloth', 'someone', false],
  ])('%s and %s: the same is %s', (one, other, isSame) => {
    expect(isSameBase(one, other)).toBe(isSame);
  });
});
