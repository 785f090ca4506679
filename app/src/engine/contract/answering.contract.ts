import { describe, expect, test } from 'vitest';
import type { Sampling } from '../../contracts/sampling.ts';
import type { Prompt } from '../engine.ts';
import { answerOf, chatRequest, ifCan } from './answers.ts';
import type { Parts } from './parts.contract.ts';

export function answeringContract({ name, shared, skip }: Parts): void {
  describe(`${name}: answering`, () => {
    test('parts come in order and end exactly once', async () => {
      const engine = await shared();
      const { parts, text, end } = await answerOf(engine.generate(chatRequest('Hello', { maxNewTokens: 8 })));
      expect(text).not.toBe('');
      expect(['stop', 'length']).toContain(end.reason);
      expect(parts.filter((part) => part.type === 'end')).toHaveLength(1);
      const types = parts.map((part) => part.type);
      expect(types.indexOf('usage')).toBeGreaterThan(types.lastIndexOf('text-delta'));
      const usage = parts.find((part) => part.type === 'usage');
      expect(usage?.usage.completionTokens).toBeLessThanOrEqual(8);
      expect(usage?.usage.completionTokens).toBeGreaterThan(0);
    });

    test('no more new tokens than allowed', async () => {
      const engine = await shared();
      const { parts, end } = await answerOf(
        engine.generate(chatRequest('Go on', { maxNewTokens: 3, ...ifCan(engine, 'ignoreEos', true) })),
      );
      expect(parts.find((part) => part.type === 'usage')?.usage.completionTokens).toBeLessThanOrEqual(3);
      expect(['length', 'stop']).toContain(end.reason);
    });

    const isSilentAboutStops = skip('stop-reason');
    test('a stop string ends the answer and is never shown', async () => {
      const engine = await shared();
      const settings: Sampling = { temperature: 0, ...ifCan(engine, 'seed', 7), maxNewTokens: 12 };
      const whole = await answerOf(engine.generate(chatRequest('Tell me', settings)));
      const characters = Array.from(whole.text);
      const stop = characters.slice(2, 5).join('');
      expect(stop).not.toBe('');
      const cut = await answerOf(engine.generate(chatRequest('Tell me', { ...settings, stop: [stop] })));
      expect(cut.text).not.toContain(stop);
      if (!whole.text.startsWith(cut.text)) return;
      if (isSilentAboutStops) expect(['stop', 'stop-string']).toContain(cut.end.reason);
      else expect(cut.end).toMatchObject({ reason: 'stop-string', stopString: stop });
    });

    if (!skip('seed')) {
      test('the same seed draws alike', async () => {
        const engine = await shared();
        const drawn = (seed: number) =>
          answerOf(engine.generate(chatRequest('Draw', { temperature: 1, seed, maxNewTokens: 6 })));
        const [first, second] = [await drawn(11), await drawn(11)];
        expect(second.text).toBe(first.text);
      });
    }

    if (!skip('logprobs')) {
      test('log-probabilities cover the text', async () => {
        const engine = await shared();
        const { parts } = await answerOf(
          engine.generate(chatRequest('Sure?', { logprobs: 3, maxNewTokens: 5 })),
        );
        const tokens = parts.flatMap((part) => (part.type === 'token' ? [part.token] : []));
        expect(tokens.length).toBeGreaterThan(0);
        expect(tokens.every((token) => token.logprob <= 0 && token.top.length <= 3)).toBe(true);
        // In front of it: a stream sends each with the text that it made.
        const told: number[] = [];
        let shown = '';
        for (const part of parts) {
          if (part.type === 'token') told.push(...part.token.bytes);
          if (part.type !== 'text-delta') continue;
          shown += part.text;
          expect(Buffer.from(told).toString().slice(0, shown.length)).toBe(shown);
        }
        expect(shown).not.toBe('');
      });
    }

    test('many at once are all answered', async () => {
      const engine = await shared();
      const answers = await Promise.all(
        Array.from({ length: 7 }, (_, index) =>
          answerOf(engine.generate(chatRequest(`Question ${index}`, {}, { person: `person-${index % 3}` }))),
        ),
      );
      for (const { text, end } of answers) {
        expect(['stop', 'length']).toContain(end.reason);
        expect(text).not.toBe('');
      }
    });

    if (!skip('continue')) {
      test('an open answer is gone on with', async () => {
        const engine = await shared();
        const messages = [
          { role: 'user' as const, content: 'Say something' },
          { role: 'assistant' as const, content: 'Once upon' },
        ];
        const prompt: Prompt = { kind: 'chat', messages, continueAnswer: true };
        if (engine.capabilities.render) {
          expect((await engine.render(prompt)).text.endsWith('Once upon')).toBe(true);
        }
        const { end } = await answerOf(engine.generate(chatRequest('x', {}, { prompt, drawnTokens: 2 })));
        expect(['stop', 'length']).toContain(end.reason);
      });

      test('a stop string that began in an open answer ends what goes on', async () => {
        const engine = await shared();
        const prompt: Prompt = {
          kind: 'chat',
          messages: [
            { role: 'user', content: '/say xxxxxxxxxxxx' },
            { role: 'assistant', content: 'xxx' },
          ],
          continueAnswer: true,
        };
        const sampling = {
          ...ifCan(engine, 'grammar', 'root ::= "x"*'),
          ...ifCan(engine, 'ignoreEos', true),
        };
        const whole = await answerOf(engine.generate(chatRequest('', sampling, { prompt })));
        // A service that goes on with no answer writes another.
        if (!whole.text.startsWith('xx')) return;
        const { text, end } = await answerOf(
          engine.generate(chatRequest('', { ...sampling, stop: ['xxxxx'] }, { prompt })),
        );
        expect(end.reason).toMatch(/^stop/u);
        expect(text).toBe('');
      });
    }
  });
}
