import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLlamaWorkplace,
  engineProcesses,
  type LlamaWorkplace,
} from '../../../test/fixtures/llama-workplace.ts';
import { writeTinyGguf, type TinyGguf } from '../../../test/fixtures/tiny-gguf.ts';
import type { RunPart } from '../../contracts/run-parts.ts';
import type { JsonSchema } from '../../contracts/sampling.ts';
import { answerOf, chatRequest } from '../contract/answers.ts';
import { describeEngine } from '../engine.contract.ts';
import type { LlamaEngine } from './llama-engine.ts';

let place: LlamaWorkplace;
let model: TinyGguf;

beforeAll(async () => {
  place = await createLlamaWorkplace();
  model = await writeTinyGguf(place.folder, { sharpness: 8 });
});
afterAll(() => place.close());

describeEngine({ name: 'llama.cpp', start: () => place.load(model) });

describe('llama.cpp in its own process', () => {
  test('has no network, dies with its parent and is the first to be killed', async () => {
    const { hello } = await place.loader.probe();
    expect(hello.sandbox).toMatchObject({
      networkIsolated: true,
      diesWithParent: true,
      firstToBeKilled: true,
    });
    expect(hello.sandbox.environment.sort()).toEqual([
      'GGML_NO_BACKTRACE',
      'LANG',
      'MALLOC_ARENA_MAX',
      'MALLOC_TRIM_THRESHOLD_',
      'TZ',
    ]);
  });

  test('a loading that nobody waits for is stopped', async () => {
    const controller = new AbortController();
    const loading = place.load(model, { signal: controller.signal });
    controller.abort();
    await expect(loading).rejects.toMatchObject({ code: 'cancelled' });
    await expect.poll(() => engineProcesses()).toHaveLength(1);
  });

  test('computes with no more threads than were allowed', async () => {
    const threadsOf = async (maxThreads: number): Promise<number> => {
      const other = await createLlamaWorkplace({ maxThreads });
      const before = new Set(engineProcesses());
      await answerOf((await other.load(model)).generate(chatRequest('x')));
      const pid = engineProcesses().find((one) => !before.has(one));
      const { length } = readdirSync(`/proc/${pid}/task`);
      await other.close();
      return length;
    };
    expect((await threadsOf(2)) - (await threadsOf(1))).toBe(Math.min(2, availableParallelism()) - 1);
  });

  test('takes about as much memory as was estimated', async () => {
    const shape = {
      width: 512,
      layers: 4,
      heads: 8,
      keyValueHeads: 8,
      contextTokens: 8192,
      type: 'q8_0' as const,
    };
    const larger = await writeTinyGguf(place.folder, { name: 'larger', ...shape });
    const before = new Set(engineProcesses());
    const { path, sha256 } = larger;
    const estimate = await place.loader.estimate(
      { kind: 'file', id: 'larger', path, sha256, adapters: [] },
      {},
    );
    const engine = await place.load(larger);
    await answerOf(engine.generate(chatRequest('x')));
    const pid = engineProcesses().find((one) => !before.has(one));
    const resident = Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
    expect(estimate.fit).toBe('fits');
    expect(estimate.kvBytes).toBe(4 * 8192 * 4 * 1024 * 2);
    expect(engine.describe().memory?.kvBytes).toBe(estimate.kvBytes);
    expect(resident / estimate.totalBytes).toBeGreaterThan(0.75);
    expect(resident / estimate.totalBytes).toBeLessThan(1.15);
    await engine.close();
  });
});

test('a signal that outlives its questions keeps none of them', async () => {
  const engine = await place.load(model);
  const { signal } = new AbortController();
  const prompt = { kind: 'raw', text: 'a hill', parseSpecial: false } as const;
  await engine.count(prompt, signal);
  await engine.render(prompt, signal);
  await engine.embed({ person: 'p', prompt }, signal);
  await answerOf(engine.generate(chatRequest('x', {}, { prompt }), signal));
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  await engine.close();
});

describe('a text that is scored as side work', () => {
  let engine: LlamaEngine;
  beforeAll(async () => {
    engine = await place.load(model);
  });
  afterAll(() => engine.close());

  /** Resolves when the answer is being written; `ended` when it is. */
  async function answering(): Promise<{ ended: Promise<RunPart> }> {
    const parts = engine.generate(chatRequest('A long one', { maxNewTokens: 1500, ignoreEos: true }));
    const iterator = parts[Symbol.asyncIterator]();
    let next = await iterator.next();
    while (next.done !== true && next.value.type !== 'text-delta') next = await iterator.next();
    const rest = async (): Promise<RunPart> => {
      let last = next;
      for (; next.done !== true; next = await iterator.next()) last = next;
      return last.value as RunPart;
    };
    return { ended: rest() };
  }
  const score = (signal?: AbortSignal) => {
    const prompt = { kind: 'chat', messages: [{ role: 'user', content: 'Another one' }] } as const;
    return engine.score({ person: 'p', prompt, text: 'The hill is dry.', priority: 'side' }, signal);
  };

  test('waits for answers that are being written', async () => {
    const { ended } = await answering();
    let hasEnded = false;
    void ended.then(() => (hasEnded = true));
    await score();
    // What both ended with may have come together.
    await nextTurn();
    expect(hasEnded).toBe(true);
  });

  test('leaves the queue when nobody waits for it any more', async () => {
    const controller = new AbortController();
    const { ended } = await answering();
    const scored = score(controller.signal);
    await expect.poll(async () => (await engine.stats()).queuedRequests, { interval: 5 }).toBe(1);
    controller.abort();
    await expect(scored).rejects.toMatchObject({ code: 'cancelled' });
    await expect.poll(async () => (await engine.stats()).queuedRequests).toBe(0);
    expect(await ended).toMatchObject({ type: 'end', reason: 'length' });
  });
});

describe('a JSON schema, compiled and obeyed by the engine', () => {
  let engine: LlamaEngine;
  beforeAll(async () => {
    engine = await place.load(model);
  });
  afterAll(() => engine.close());

  const short = { type: 'string', maxLength: 6 };
  const cases: [string, JsonSchema, (value: never) => boolean][] = [
    [
      'nested objects in the order of declaration',
      {
        type: 'object',
        properties: {
          name: short,
          inner: { type: 'object', properties: { yes: { type: 'boolean' } }, required: ['yes'] },
        },
        required: ['name', 'inner'],
      },
      (value: { name: string; inner: { yes: boolean } }) =>
        Object.keys(value).join() === 'name,inner' && typeof value.inner.yes === 'boolean',
    ],
    [
      'optional properties with commas only between two',
      {
        type: 'object',
        properties: { a: { const: 1 }, b: { const: 'b' }, c: { const: null } },
        required: ['b'],
      },
      (value: object) => 'b' in value && Object.keys(value).every((key) => ['a', 'b', 'c'].includes(key)),
    ],
    [
      'arrays of a least and a greatest length',
      { type: 'array', items: { enum: [1, 'two', false] }, minItems: 2, maxItems: 4 },
      (value: unknown[]) =>
        value.length >= 2 &&
        value.length <= 4 &&
        value.every((item) => [1, 'two', false].includes(item as never)),
    ],
    [
      'tuples',
      { type: 'array', prefixItems: [{ const: 'x' }, { type: 'integer', minimum: 3, maximum: 12 }] },
      (value: [string, number]) => value[0] === 'x' && value[1] >= 3 && value[1] <= 12,
    ],
    [
      'references, to itself too',
      {
        $ref: '#/$defs/node',
        $defs: {
          node: {
            type: 'object',
            properties: {
              value: { enum: [1, 2] },
              next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] },
            },
            required: ['value', 'next'],
          },
        },
      },
      (value: { value: number; next: object | null }) =>
        [1, 2].includes(value.value) && value.next !== undefined,
    ],
    [
      'one of several',
      { oneOf: [{ const: 'a"b\\c\nd' }, { type: 'boolean' }] },
      (value: unknown) => value === 'a"b\\c\nd' || typeof value === 'boolean',
    ],
    [
      'all of several',
      {
        allOf: [
          { type: 'object', properties: { a: { const: 1 } }, required: ['a'] },
          { properties: { b: { const: 2 } }, required: ['b'] },
        ],
      },
      (value: object) => JSON.stringify(value) === '{"a":1,"b":2}',
    ],
    [
      'a date and time',
      { type: 'string', format: 'date-time' },
      (value: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d/u.test(value),
    ],
    [
      'a uuid',
      { type: 'string', format: 'uuid' },
      (value: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(value),
    ],
    [
      'lengths of strings',
      { type: 'string', minLength: 3, maxLength: 5 },
      (value: string) => value.length >= 3 && value.length <= 5,
    ],
    [
      'a pattern',
      { type: 'string', pattern: '^(ab|[c-e]{2}) \\d+(\\.[a-f]{1,2})?"$' },
      (value: string) => /^(ab|[c-e]{2}) \d+(\.[a-f]{1,2})?"$/u.test(value),
    ],
    [
      'a pattern with a range across what JSON escapes',
      { type: 'string', pattern: '^[ -~]{3}[A-z]$' },
      (value: string) => /^[ -~]{3}[A-z]$/u.test(value),
    ],
    [
      'a lower bound of nineteen digits',
      { type: 'integer', minimum: 1_700_000_000_000_000_000 },
      (value: number) => value >= 1_700_000_000_000_000_000,
    ],
    [
      'a type or null',
      { type: ['integer', 'null'], minimum: -20, maximum: 20 },
      (value: number | null) => value === null || Math.abs(value) <= 20,
    ],
    [
      'properties beside those declared, under other names',
      {
        type: 'object',
        properties: { ab: { const: 1 }, ac: { const: 2 } },
        required: ['ab', 'ac'],
        additionalProperties: { const: 3 },
      },
      (value: Record<string, number>) =>
        value['ab'] === 1 &&
        value['ac'] === 2 &&
        Object.entries(value).every(([key, number]) => key === 'ab' || key === 'ac' || number === 3),
    ],
  ];

  test.each(cases)('%s', async (_, jsonSchema, holds) => {
    let finished = 0;
    for (let seed = 1; seed <= 40 && finished < 4; seed++) {
      const { text, end } = await answerOf(
        engine.generate(
          chatRequest('JSON', {
            jsonSchema,
            seed,
            temperature: 3,
            topK: 0,
            topP: 1,
            minP: 0,
            maxNewTokens: 200,
          }),
        ),
      );
      expect(end.error).toBeUndefined();
      if (end.reason !== 'stop') continue;
      finished++;
      expect([text, holds(JSON.parse(text) as never)]).toEqual([text, true]);
    }
    expect(finished).toBeGreaterThan(0);
  });

  const many = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [`field_number_${index}`, { type: 'string' }]),
  );

  test.each([
    ['anything at all', true],
    ['any object', { type: 'object' }],
    [
      'any of the formats',
      {
        type: 'array',
        items: {
          anyOf: ['date', 'time', 'ipv4', 'email', 'uri'].map((format) => ({ type: 'string', format })),
        },
      },
    ],
    ['patterns with all that they may hold', { pattern: 'a.b|[^x-z](?:\\w\\s)+?[\\]\\-\\^]{2,}é$' }],
    ['a schema whose grammar is longer than one that may be sent', { type: 'object', properties: many }],
    ['large numbers', { type: 'integer', minimum: -123_456_789, maximum: 987_654_321 }],
  ] as [string, JsonSchema][])('%s compiles', async (_, jsonSchema) => {
    const { end } = await answerOf(engine.generate(chatRequest('JSON', { jsonSchema, maxNewTokens: 8 })));
    expect(end.error).toBeUndefined();
  });
});
