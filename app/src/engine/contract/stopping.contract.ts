import { describe, expect, test } from 'vitest';
import type { RunPart } from '../../contracts/run-parts.ts';
import { answerOf, chatRequest, ifCan } from './answers.ts';
import type { Parts } from './parts.contract.ts';

export function stoppingContract({ name, shared, start }: Parts): void {
  describe(`${name}: stopping`, () => {
    test('aborting ends an answer with what it has', async () => {
      const engine = await shared();
      const controller = new AbortController();
      const parts: RunPart[] = [];
      const long = chatRequest('Go on and on /long 4000', {
        maxNewTokens: 4000,
        ...ifCan(engine, 'ignoreEos', true),
      });
      for await (const part of engine.generate(long, controller.signal)) {
        parts.push(part);
        if (part.type === 'text-delta') controller.abort();
      }
      expect(parts.at(-1)).toMatchObject({ type: 'end', reason: 'aborted' });
    });

    test('a character that is not whole when an answer ends is none of it', async () => {
      const engine = await shared();
      // Text of a service's tokens is made there.
      if (!engine.capabilities.tokens) return;
      const sampling = {
        ...ifCan(engine, 'grammar', 'root ::= "€"*'),
        ...ifCan(engine, 'ignoreEos', true),
      };
      for (const maxNewTokens of [4, 5]) {
        const request = chatRequest('/say €€€€€€€€', { ...sampling, maxNewTokens });
        const { text, end } = await answerOf(engine.generate(request));
        expect(end.reason).toBe('length');
        expect(text).toMatch(/^€+$/u);
      }
    });

    test('a signal that is aborted already ends it at once', async () => {
      const engine = await shared();
      const { end, text } = await answerOf(engine.generate(chatRequest('x'), AbortSignal.abort()));
      expect(end.reason).toBe('aborted');
      expect(text).toBe('');
    });

    test('leaving the loop frees the engine for others', async () => {
      const engine = await shared();
      const long = { maxNewTokens: 4000, ...ifCan(engine, 'ignoreEos', true) };
      for (let round = 0; round < 6; round++) {
        for await (const part of engine.generate(chatRequest('Leave me /long 4000', long))) {
          if (part.type === 'text-delta') break;
        }
      }
      const { end } = await answerOf(engine.generate(chatRequest('Still there?')));
      expect(['stop', 'length']).toContain(end.reason);
    });

    test('closing interrupts what runs, and nothing is answered afterwards', async () => {
      const engine = await start();
      const long = chatRequest('Close me /long 4000', {
        maxNewTokens: 4000,
        ...ifCan(engine, 'ignoreEos', true),
      });
      const parts: RunPart[] = [];
      for await (const part of engine.generate(long)) {
        if (part.type === 'text-delta' && parts.every((seen) => seen.type !== 'text-delta'))
          void engine.close();
        parts.push(part);
      }
      expect(parts.at(-1)).toMatchObject({ type: 'end', reason: 'interrupted' });
      await engine.closed;
      await expect(engine.count(long.prompt)).rejects.toMatchObject({ code: 'engine-unavailable' });
      const late = await answerOf(engine.generate(chatRequest('too late')));
      expect(late.end).toMatchObject({ reason: 'failed', error: { code: 'engine-unavailable' } });
    });
  });
}
