import { describe, expect, test } from 'vitest';
import { answerOf, chatRequest } from '../contract/answers.ts';
import { describeEngine } from '../engine.contract.ts';
import type { Engine } from '../engine.ts';
import type { Script } from './script.ts';
import { createScriptedLoader } from './scripted-loader.ts';

const source = { kind: 'scripted', id: 'scripted' } as const;
const start = (script: Script = {}): Promise<Engine> => createScriptedLoader(script).load(source, {});

describeEngine({
  name: 'scripted engine',
  start: () => start(),
  skips: { grammar: 'it has no model that a grammar could bind' },
});

describe('what a script can make happen', () => {
  test('the answer quotes the question, and the same seed says the same', async () => {
    const engine = await start();
    const say = (seed: number) =>
      answerOf(engine.generate(chatRequest('hello', { seed, maxNewTokens: 100 })));
    const [first, again, other] = [await say(1), await say(1), await say(2)];
    expect(first.text).toMatch(/^You said "hello": /u);
    expect(again.text).toBe(first.text);
    expect(other.text).not.toBe(first.text);
  });

  test('an open answer is continued to the same words', async () => {
    const engine = await start();
    const messages = [{ role: 'user' as const, content: 'hello' }];
    const whole = await answerOf(engine.generate(chatRequest('hello', { seed: 1, maxNewTokens: 100 })));
    const half = whole.text.slice(0, 21);
    const rest = await answerOf(
      engine.generate(
        chatRequest(
          '',
          { seed: 1, maxNewTokens: 100 },
          {
            prompt: {
              kind: 'chat',
              messages: [...messages, { role: 'assistant', content: half }],
              continueAnswer: true,
            },
          },
        ),
      ),
    );
    expect(half + rest.text).toBe(whole.text);
  });

  test('a stop token ends the answer by its own name, and what waited for a stop string is said', async () => {
    const engine = await start();
    const stopTokenIds = await engine.tokenize('ay', { parseSpecial: false });
    const sampling = { stopTokenIds, stop: ['hay and more'], maxNewTokens: 100 };
    const answer = await answerOf(engine.generate(chatRequest('/say grass! hay', sampling)));
    expect(answer.end).toEqual({ type: 'end', reason: 'stop-token' });
    expect(answer.text).toBe('grass! h');
  });

  test('a failure, a crash and a hang come after as many tokens as the message says', async () => {
    const engine = await start();
    const failed = await answerOf(engine.generate(chatRequest('/fail 3 engine-hung')));
    expect(failed.end).toMatchObject({ reason: 'failed', error: { code: 'engine-hung' } });
    expect(failed.text).toHaveLength(6);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const hung = await answerOf(engine.generate(chatRequest('/hang 2'), controller.signal));
    expect(hung.end.reason).toBe('aborted');
    expect(hung.text).toHaveLength(4);
    const crashed = await answerOf(engine.generate(chatRequest('/crash 4')));
    expect(crashed.end).toMatchObject({ reason: 'interrupted', error: { code: 'engine-crashed' } });
    expect(crashed.text).toHaveLength(8);
    await engine.closed;
  });

  test('the speed is what the script says', async () => {
    const engine = await start({ tokensPerSecond: 200 });
    const speeds: number[] = [];
    // The best of a few: other tests share the cores, and a token is a timer of 5 ms.
    for (let round = 0; round < 5 && !(Math.max(...speeds) > 80); round++) {
      const { parts } = await answerOf(engine.generate(chatRequest('/long 50', { maxNewTokens: 20 })));
      speeds.push(parts.find((part) => part.type === 'timings')?.timings?.tokensPerSecond ?? 0);
    }
    expect(Math.max(...speeds)).toBeGreaterThan(80);
    expect(Math.max(...speeds)).toBeLessThan(230);
  });

  test('who waits hears of the place in the queue, and persons take turns', async () => {
    const engine = await start({ slots: 1, tokensPerSecond: 1000 });
    const order: string[] = [];
    const ask = async (person: string): Promise<void> => {
      const answer = await answerOf(engine.generate(chatRequest('x', { maxNewTokens: 5 }, { person })));
      order.push(person);
      if (order.length > 1) expect(answer.parts[0]).toMatchObject({ type: 'queue-position' });
    };
    await Promise.all([ask('a'), ask('a'), ask('a'), ask('b')]);
    expect(order).toEqual(['a', 'b', 'a', 'a']);
  });
});
