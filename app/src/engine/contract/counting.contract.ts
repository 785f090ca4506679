import { describe, expect, test } from 'vitest';
import type { Prompt } from '../engine.ts';
import { answerOf, chatRequest } from './answers.ts';
import type { Parts } from './parts.contract.ts';

export function countingContract({ name, shared, skip }: Parts): void {
  describe(`${name}: describing and counting`, () => {
    test('the description is complete', async () => {
      const engine = await shared();
      const model = engine.describe();
      expect(model.id).toBe(engine.source.id);
      expect(model.contextTokens).toBeGreaterThan(0);
      expect(model.template.hash).toMatch(/^[0-9a-f]{64}$/u);
      expect(engine.capabilities.sampling).toContain('maxNewTokens');
    });

    test('tokens of messages and of the format add up', async () => {
      const engine = await shared();
      const counted = await engine.count({
        kind: 'chat',
        messages: [
          { role: 'system', content: 'Be kind.' },
          { role: 'user', content: 'Grüße, 世界 🌍' },
          { role: 'assistant', content: 'Hello.' },
          { role: 'user', content: 'And now?' },
        ],
      });
      expect(counted.messageTokens).toHaveLength(4);
      expect(counted.messageTokens.every((count) => count > 0)).toBe(true);
      const sum = counted.messageTokens.reduce((total, count) => total + count, 0);
      expect(sum + counted.overheadTokens).toBe(counted.totalTokens);
      expect(counted.exact).toBe(engine.capabilities.exactCounts);
    });

    if (!skip('exact-counts')) {
      test('the count is what the answer reports', async () => {
        const engine = await shared();
        const request = chatRequest('How many tokens is this?');
        const counted = await engine.count(request.prompt);
        const { parts } = await answerOf(engine.generate(request));
        const usage = parts.find((part) => part.type === 'usage');
        expect(usage?.usage.promptTokens).toBe(counted.totalTokens);
      });
    }

    if (!skip('tokens')) {
      test('text becomes tokens and comes back unchanged', async () => {
        const engine = await shared();
        for (const text of ['plain words', 'Grüße, 世界 🌍👩‍👩‍👧', 'a\n\n  b\tc', '<|im_end|></s>[INST]']) {
          const ids = await engine.tokenize(text, { parseSpecial: false });
          expect(
            Buffer.concat(await engine.pieces(ids))
              .toString()
              .trimStart(),
          ).toBe(text);
        }
      });

      test('a token that the vocabulary does not have is refused by name', async () => {
        const engine = await shared();
        const beyond = engine.describe().vocabularySize;
        await expect(engine.pieces([beyond])).rejects.toMatchObject({ code: 'token-out-of-range' });
        const bad: Prompt = { kind: 'tokens', ids: [beyond] };
        const [refused, other] = await Promise.all([
          answerOf(engine.generate(chatRequest('x', {}, { prompt: bad }))),
          answerOf(engine.generate(chatRequest('unharmed'))),
        ]);
        expect(refused.end).toMatchObject({ reason: 'failed', error: { code: 'token-out-of-range' } });
        expect(other.end.reason).not.toBe('failed');
      });
    }

    if (!skip('render')) {
      test('the rendered prompt holds what was said, and its ids are those counted', async () => {
        const engine = await shared();
        const { prompt } = chatRequest('something said');
        const rendered = await engine.render(prompt);
        expect(rendered.text).toContain('something said');
        expect(rendered.tokenIds).toHaveLength((await engine.count(prompt)).totalTokens);
        expect(rendered.idsHash).toMatch(/^[0-9a-f]{64}$/u);
        expect((await engine.render(prompt)).idsHash).toBe(rendered.idsHash);
      });
    }
  });
}
