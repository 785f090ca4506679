import { describe, expect, test } from 'vitest';
import type { Sampling } from '../../contracts/sampling.ts';
import { answerOf, chatRequest } from './answers.ts';
import type { Parts } from './parts.contract.ts';

export function refusingContract({ name, shared, skip }: Parts): void {
  describe(`${name}: refusing`, () => {
    test.each([
      ['temperature', { temperature: -1 }],
      ['topK', { topK: 1.5 }],
      ['topP', { topP: 0 }],
      ['minP', { minP: 2 }],
      ['typicalP', { typicalP: 0 }],
      ['xtcProbability', { xtcProbability: 1.5 }],
      ['mirostat', { mirostat: 3 }],
      ['dryMultiplier', { dryMultiplier: -1 }],
      ['dryBreakers', { dryBreakers: [''] }],
      ['dynamicTemperatureExponent', { dynamicTemperatureExponent: 0 }],
      ['repetitionPenalty', { repetitionPenalty: 0 }],
      ['frequencyPenalty', { frequencyPenalty: 3 }],
      ['penaltyWindow', { penaltyWindow: -2 }],
      ['seed', { seed: 2 ** 53 }],
      ['maxNewTokens', { maxNewTokens: 0 }],
      ['temperature', { temperature: Number.NaN }],
      ['stop', { stop: Array.from({ length: 17 }, () => 'x') }],
      ['logprobs', { logprobs: 21 }],
    ] as [string, Sampling][])('%s out of range is refused by name', async (field, sampling) => {
      const engine = await shared();
      const { end } = await answerOf(engine.generate(chatRequest('x', sampling)));
      expect(end).toMatchObject({ reason: 'failed', error: { code: 'value-out-of-range' } });
      expect(end.error?.message).toContain(field);
    });

    test('a setting that does not exist is refused by name', async () => {
      const engine = await shared();
      const { end } = await answerOf(engine.generate(chatRequest('x', JSON.parse('{"heat":1}') as Sampling)));
      expect(end).toMatchObject({ reason: 'failed', error: { code: 'unknown-field' } });
      expect(end.error?.message).toContain('heat');
    });

    if (!skip('context-limit')) {
      test('a prompt longer than the context is refused with the counts, never cut', async () => {
        const engine = await shared();
        const { contextTokens } = engine.describe();
        const { end, text } = await answerOf(engine.generate(chatRequest('word '.repeat(contextTokens))));
        expect(text).toBe('');
        expect(end).toMatchObject({
          reason: 'failed',
          error: { code: 'context-too-long', details: { contextTokens } },
        });
        expect(end.error?.details?.['promptTokens']).toBeGreaterThan(contextTokens);
      });
    }
  });
}
