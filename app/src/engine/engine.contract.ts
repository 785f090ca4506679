import { afterAll, describe, expect, test } from 'vitest';
import type { RunPart } from '../contracts/run-parts.ts';
import type { Sampling } from '../contracts/sampling.ts';
import type { Engine, GenerateRequest, Prompt } from './engine.ts';

/** What an engine's tests provide; the suite says what every engine does. */
export interface EngineUnderTest {
  name: string;
  /** A loaded engine that the suite closes. */
  start(): Promise<Engine>;
  /** Why a part of the suite does not hold for this engine; absent: it holds. */
  skips?: Partial<Record<SkippablePart, string>>;
}

type SkippablePart =
  | 'exact-counts'
  | 'tokens'
  | 'render'
  | 'score'
  | 'logprobs'
  | 'state'
  | 'grammar'
  | 'seed'
  | 'stop-reason'
  | 'continue'
  | 'context-limit';

export interface Answer {
  parts: RunPart[];
  text: string;
  end: Extract<RunPart, { type: 'end' }>;
}

let requests = 0;

export function chatRequest(
  content: string,
  sampling: Sampling = {},
  more: Partial<GenerateRequest> = {},
): GenerateRequest {
  const prompt: Prompt = { kind: 'chat', messages: [{ role: 'user', content }] };
  return {
    id: `request-${++requests}`,
    person: 'somebody',
    prompt,
    sampling: { maxNewTokens: 12, ...sampling },
    ...more,
  };
}

export async function answerOf(parts: AsyncIterable<RunPart>): Promise<Answer> {
  const seen: RunPart[] = [];
  for await (const part of parts) seen.push(part);
  const end = seen.at(-1);
  if (end?.type !== 'end') throw new Error('the answer had no end');
  const text = seen.map((part) => (part.type === 'text-delta' ? part.text : '')).join('');
  return { parts: seen, text, end };
}

export function describeEngine(subject: EngineUnderTest): void {
  let started: Promise<Engine> | null = null;
  const shared = (): Promise<Engine> => (started ??= subject.start());
  afterAll(async () => (await started)?.close());

  const skip = (part: SkippablePart): boolean => {
    const reason = subject.skips?.[part];
    if (reason !== undefined)
      test(`${part}: does not hold, because ${reason}`, () => expect(reason).not.toBe(''));
    return reason !== undefined;
  };

  describe(`${subject.name}: describing and counting`, () => {
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
          expect((await engine.detokenize(ids)).trimStart()).toBe(text);
        }
      });

      test('a token that the vocabulary does not have is refused by name', async () => {
        const engine = await shared();
        const beyond = engine.describe().vocabularySize;
        await expect(engine.detokenize([beyond])).rejects.toMatchObject({ code: 'token-out-of-range' });
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

  describe(`${subject.name}: answering`, () => {
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
        const { parts, text } = await answerOf(
          engine.generate(chatRequest('Sure?', { logprobs: 3, maxNewTokens: 5 })),
        );
        const tokens = parts.flatMap((part) => (part.type === 'token' ? [part.token] : []));
        expect(tokens.length).toBeGreaterThan(0);
        expect(tokens.every((token) => token.logprob <= 0 && token.top.length <= 3)).toBe(true);
        const bytes = Buffer.from(tokens.flatMap((token) => token.bytes)).toString('utf8');
        expect(bytes.startsWith(text.slice(0, 1))).toBe(true);
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
    }
  });

  describe(`${subject.name}: stopping`, () => {
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
      const engine = await subject.start();
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

  describe(`${subject.name}: refusing`, () => {
    test.each([
      ['temperature', { temperature: -1 }],
      ['topK', { topK: 1.5 }],
      ['topP', { topP: 0 }],
      ['minP', { minP: 2 }],
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

  describe(`${subject.name}: scoring, state and grammars`, () => {
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

function ifCan<Name extends keyof Sampling>(
  engine: Engine,
  name: Name,
  value: NonNullable<Sampling[Name]>,
): Sampling {
  return engine.capabilities.sampling.includes(name) ? { [name]: value } : {};
}
