import { describe, expect, test } from 'vitest';
import { answerOf, chatRequest } from './answers.ts';
import type { Parts } from './parts.contract.ts';

export function stateAndGrammarContract({ name, shared, skip }: Parts): void {
  describe(`${name}: scoring, state and grammars`, () => {
    if (!skip('score')) {
      test('every token of a text gets a log-probability and its place', async () => {
        const engine = await shared();
        const text = 'The hill is dry.';
        const scored = await engine.score({ kind: 'raw', text: 'A fact: ', parseSpecial: false }, text);
        expect(scored.length).toBeGreaterThan(0);
        expect(scored.every((token) => token.logprob <= 0)).toBe(true);
        expect(scored.map((token) => token.offset)).toEqual(
          scored.map((token) => token.offset).toSorted((a, b) => a - b),
        );
        const bytes = scored.flatMap((token) => token.bytes);
        expect(Buffer.from(bytes).toString('utf8').trimStart()).toBe(text);
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
        await engine.dropState('chat-1');
        expect(await engine.saveState('chat-1')).toBe(false);
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
