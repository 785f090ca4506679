import { describe, expect, test } from 'vitest';
import { answerOf, chatRequest } from './answers.ts';
import type { Parts } from './parts.contract.ts';

export function stateAndGrammarContract({ name, shared, skip }: Parts): void {
  describe(`${name}: scoring, state and grammars`, () => {
    if (!skip('score')) {
      test('every token of a text gets a log-probability and its place', async () => {
        const engine = await shared();
        const text = 'The hill is dry.';
        const prompt = { kind: 'raw', text: 'A fact: ', parseSpecial: false } as const;
        const scored = await engine.score({ person: 'p', prompt, text });
        expect(scored.length).toBeGreaterThan(0);
        expect(scored.every((token) => token.logprob <= 0)).toBe(true);
        expect(scored.map((token) => token.offset)).toEqual(
          scored.map((token) => token.offset).toSorted((a, b) => a - b),
        );
        const bytes = scored.flatMap((token) => token.bytes);
        expect(Buffer.from(bytes).toString('utf8').trimStart()).toBe(text);
      });

      test('the likeliest tokens are told at each place, and only as many places as wanted', async () => {
        const engine = await shared();
        const prompt = { kind: 'chat', messages: [{ role: 'user', content: 'What is a hill?' }] } as const;
        const request = { person: 'p', prompt, text: 'The hill is dry and wide.' };
        const scored = await engine.score({ ...request, alternatives: 5, maxTokens: 3, priority: 'side' });
        expect(scored).toHaveLength(3);
        for (const { id, logprob, top } of scored) {
          expect(top).toHaveLength(5);
          expect(top.map((one) => one.logprob)).toEqual(
            top.map((one) => one.logprob).toSorted((a, b) => b - a),
          );
          expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1.0001);
          for (const one of top) if (one.id === id) expect(one.logprob).toBeCloseTo(logprob, 5);
        }
        await expect(engine.score({ ...request, alternatives: 1000 })).rejects.toMatchObject({
          code: 'value-out-of-range',
        });
      });
    }

    if (!skip('embed')) {
      test('a text has a direction of its own: of length 1, the same each time, whatever is asked beside it', async () => {
        const engine = await shared();
        const of = (text: string) =>
          engine.embed({ person: 'p', prompt: { kind: 'raw', text, parseSpecial: false } });
        const [hill, sea, again] = await Promise.all([
          of('The hill is dry.'),
          of('A ship at sea.'),
          of('The hill is dry.'),
          answerOf(engine.generate(chatRequest('What is a hill?', { maxNewTokens: 8 }))),
        ]);
        expect(hill.tokens).toBeGreaterThan(1);
        expect(lengthOf(hill.vector)).toBeCloseTo(1, 4);
        expect(likeness(hill.vector, again.vector)).toBeGreaterThan(0.9999);
        expect(likeness(hill.vector, sea.vector)).toBeLessThan(0.999);
        expect(likeness(hill.vector, (await of('The hill is dry.')).vector)).toBeGreaterThan(0.9999);
      });

      test('a text longer than any context is refused as too long, and nobody waits for ever', async () => {
        const engine = await shared();
        const prompt = { kind: 'raw', text: 'a'.repeat(9_000_000), parseSpecial: false } as const;
        const tooLong = { code: 'context-too-long' };
        const { end } = await answerOf(engine.generate(chatRequest('', {}, { prompt })));
        expect(end).toMatchObject({ reason: 'failed', error: tooLong });
        await expect(engine.embed({ person: 'p', prompt })).rejects.toMatchObject(tooLong);
      });

      test('a text longer than the context is refused with the counts; the longest that fits is read', async () => {
        const engine = await shared();
        const { contextTokens } = engine.describe();
        const prompt = { kind: 'tokens', ids: Array.from({ length: contextTokens + 1 }, () => 5) } as const;
        await expect(engine.embed({ person: 'p', prompt })).rejects.toMatchObject({
          code: 'context-too-long',
          message: expect.stringMatching(` ${contextTokens + 1} tokens.* ${contextTokens}\\b`) as string,
          details: { promptTokens: contextTokens + 1, contextTokens },
        });
        await expect(
          engine.embed({ person: 'p', prompt: { kind: 'tokens', ids: [10_000_000] } }),
        ).rejects.toMatchObject({ code: 'token-out-of-range' });
        const whole = { kind: 'tokens', ids: prompt.ids.slice(1) } as const;
        expect((await engine.embed({ person: 'p', prompt: whole })).tokens).toBe(contextTokens);
      });
    }

    if (!skip('state')) {
      test('a second turn finds the state of the first, until it is dropped', async () => {
        const engine = await shared();
        const messages = [
          {
            role: 'user' as const,
            content: 'A first message of some length, so that there is something to keep.',
          },
        ];
        const first = await answerOf(
          engine.generate(chatRequest('', {}, { prompt: { kind: 'chat', messages }, stateKey: 'chat-1' })),
        );
        const turns = [
          ...messages,
          { role: 'assistant' as const, content: first.text },
          { role: 'user' as const, content: 'And a second.' },
        ];
        const second = await answerOf(
          engine.generate(
            chatRequest('', {}, { prompt: { kind: 'chat', messages: turns }, stateKey: 'chat-1' }),
          ),
        );
        const usage = second.parts.find((part) => part.type === 'usage')?.usage;
        expect(usage?.cachedTokens).toBeGreaterThan(0);
        expect(usage?.cachedTokens).toBeLessThan(usage?.promptTokens ?? 0);
        expect(await engine.saveState('chat-1')).toBe(true);
        await answerOf(
          engine.generate(
            chatRequest('', {}, { prompt: { kind: 'chat', messages: turns }, stateKey: 'chat-2' }),
          ),
        );
        await engine.dropState('chat-1');
        expect(await engine.saveState('chat-1')).toBe(false);
        expect(await engine.saveState('chat-2')).toBe(true);
        await engine.dropState(null);
        expect(await engine.saveState('chat-2')).toBe(false);
      });
    }

    if (!skip('grammar')) {
      test('a grammar binds the answer', async () => {
        const engine = await shared();
        const { text } = await answerOf(
          engine.generate(chatRequest('Yes or no?', { grammar: 'root ::= "yes" | "no"', maxNewTokens: 20 })),
        );
        expect(['yes', 'no']).toContain(text);
      });

      test('a JSON schema binds the answer', async () => {
        const engine = await shared();
        const jsonSchema = {
          type: 'object',
          properties: { colour: { enum: ['red', 'blue'] }, good: { type: 'boolean' } },
          required: ['colour', 'good'],
          additionalProperties: false,
        };
        const { text, end } = await answerOf(
          engine.generate(chatRequest('Answer', { jsonSchema, maxNewTokens: 200 })),
        );
        expect(end.reason).toBe('stop');
        expect(Object.keys(JSON.parse(text) as object)).toEqual(['colour', 'good']);
      });

      test('an answer that is gone on with stands in the middle of its grammar, unless it was written without it', async () => {
        const engine = await shared();
        const grammar = 'root ::= "{" pair "," pair "}"\npair ::= "\\"" [a-d]{1,9} "\\":" [1-9]';
        const goOn = async (written: string): Promise<string> => {
          const messages = [
            { role: 'user' as const, content: 'Two pairs' },
            { role: 'assistant' as const, content: written },
          ];
          const prompt = { kind: 'chat' as const, messages, continueAnswer: true };
          const { text } = await answerOf(
            engine.generate(chatRequest('', { grammar, maxNewTokens: 200 }, { prompt })),
          );
          return text;
        };
        expect(`{"ab":1,"c${await goOn('{"ab":1,"c')}`).toMatch(/^\{"ab":1,"c[a-d]{0,8}":[1-9]\}$/u);
        expect(await goOn('Here they are: ')).toMatch(/^\{("[a-d]{1,9}":[1-9],?){2}\}$/u);
      });

      test('a grammar that is none fails that request alone, by name', async () => {
        const engine = await shared();
        const [bad, good] = await Promise.all([
          answerOf(engine.generate(chatRequest('x', { grammar: 'root ::= (' }))),
          answerOf(engine.generate(chatRequest('y'))),
        ]);
        expect(bad.end).toMatchObject({ reason: 'failed', error: { code: 'grammar-invalid' } });
        expect(['stop', 'length']).toContain(good.end.reason);
      });
    }
  });
}

const likeness = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, value, index) => sum + value * (other[index] ?? 0), 0);
const lengthOf = (vector: readonly number[]): number => Math.sqrt(likeness(vector, vector));
