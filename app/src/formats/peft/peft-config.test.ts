import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import { loraRank, loraScale, readPeftConfig, type PeftConfig } from './peft-config.ts';

const guanaco = {
  peft_type: 'LORA',
  base_model_name_or_path: '/somebody/elses/disk/7B',
  r: 64,
  lora_alpha: 16,
  lora_dropout: 0.1,
  bias: 'none',
  fan_in_fan_out: false,
  target_modules: ['q_proj', 'k_proj'],
  modules_to_save: null,
};
const read = (change: Record<string, unknown> = {}): PeftConfig =>
  readPeftConfig('adapter_config.json', Buffer.from(JSON.stringify({ ...guanaco, ...change })));

describe('an adapter_config.json', () => {
  it('gives rank, scale and the base as its author named it', () => {
    const config = read();
    expect(config.base).toBe('/somebody/elses/disk/7B');
    expect(loraScale(config, 'model.layers.0.self_attn.q_proj', 64)).toBe(0.25);
  });

  it('divides by the square root when rank-stabilised', () => {
    expect(loraScale(read({ use_rslora: true }), 'm', 64)).toBe(2);
  });

  it.each([
    ['q_proj', 'model.layers.3.self_attn.q_proj', true],
    ['layers.3.self_attn.q_proj', 'model.layers.3.self_attn.q_proj', true],
    ['layers.3.self_attn.q_proj', 'model.layers.13.self_attn.q_proj', false],
    ['proj', 'model.layers.3.self_attn.q_proj', false],
    ['^model.layers.3.mlp.up_proj$', 'model.layers.3.mlp.up_proj', true],
    ['layers\\.\\d+\\.mlp.up_proj', 'model.layers.31.mlp.up_proj', true],
    ['.*(q_proj|v_proj)', 'model.layers.3.self_attn.v_proj', true],
  ])('the pattern %s on %s: %s', (pattern, module, isFound) => {
    expect(loraRank(read({ rank_pattern: { [pattern]: 7 } }), module)).toBe(isFound ? 7 : 64);
    const scale = loraScale(read({ alpha_pattern: { [pattern]: 128 } }), module, 64);
    expect(scale).toBe(isFound ? 2 : 0.25);
  });

  it.each([
    ['DoRA', { use_dora: true }],
    ['another method', { peft_type: 'IA3' }],
    ['no method', { peft_type: undefined }],
    ['PiSSA', { init_lora_weights: 'pissa_niter_4' }],
    ['layer replication', { layer_replication: [[0, 4]] }],
    ['trained token rows', { trainable_token_indices: [1] }],
    ['a pattern that could run for ever', { rank_pattern: { '(a+)+$': 4 } }],
    ['a pattern with a group that repeats', { rank_pattern: { '(.*)*x': 4 } }],
    ['a rank of nothing', { r: 0 }],
    ['a rank that is text', { r: '64' }],
    ['an alpha beyond all use', { lora_alpha: 1e9 }],
  ])('refuses %s', (_, change) => {
    expect(() => read(change)).toThrow(AppError);
  });

  it('takes initialisations that leave the base alone', () => {
    for (const init of [true, false, 'gaussian', 'eva', 'orthogonal'])
      expect(read({ init_lora_weights: init }).rank).toBe(64);
  });

  it('meets any pattern quickly, and with one clear error', () => {
    const name = `model.layers.0.${'a'.repeat(180)}.q_proj`;
    const piece = fc.constantFrom(
      'a',
      '.*',
      '\\d+',
      '(a|b)',
      '(',
      ')',
      '+',
      '*',
      '[0-9]',
      '\\',
      '.',
      '|',
      'aa',
      '$',
      '^',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          const config = read({ rank_pattern: { [pieces.join('')]: 4 } });
          const started = performance.now();
          loraRank(config, name);
          expect(performance.now() - started).toBeLessThan(1000);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
