import { describe, expect, test } from 'vitest';
import type { RunPart } from '../../src/contracts/run-parts.ts';
import { chatRequest, textOf } from '../../src/engine/contract/answers.ts';
import { ask, chatPath, falcon, listPath, model, service, vllm } from './asked-service.ts';
import * as fixtures from './service-fixtures.ts';
import { frames, json, stream } from './stand-in-service.ts';

describe('an end that the service gives a reason for', () => {
  const half = { choices: [{ delta: { content: 'Half' } }] };
  const endsWith = (reason: string) =>
    stream(frames([half, { choices: [{ delta: {}, finish_reason: reason }] }]));

  test.each([
    ['abort', { reason: 'interrupted', error: { code: 'provider-unavailable' } }],
    ['error', { reason: 'interrupted', error: { code: 'provider-unavailable' } }],
    ['insufficient_system_resource', { reason: 'interrupted', error: { code: 'provider-unavailable' } }],
    ['content_filter', { reason: 'failed', error: { code: 'provider-forbidden' } }],
    ['model_length', { reason: 'length' }],
    ['eos', { reason: 'stop' }],
  ])('%s', async (reason, expected) => {
    const started = await service({
      [listPath]: json(200, fixtures.vllm.models),
      [chatPath]: endsWith(reason),
    });
    for (const kind of ['openai', 'huggingface'] as const) {
      const { end, text } = await ask(await model({ provider: { kind, url: started.url }, model: falcon }));
      expect(text).toBe('Half');
      expect(end).toMatchObject(expected);
    }
  });

  test('a refusal to answer in the form that was asked for is shown', async () => {
    const refusal = { choices: [{ delta: { content: null, refusal: 'I cannot help with that.' } }] };
    const { text, end } = await ask(
      await vllm(stream(frames([refusal, { choices: [{ delta: {}, finish_reason: 'stop' }] }]))),
    );
    expect(text).toBe('I cannot help with that.');
    expect(end.reason).toBe('stop');
  });

  test('one that was broken off before its first word is asked for again', async () => {
    let calls = 0;
    const opened = await vllm((request, response) => {
      calls += 1;
      const aborted = stream(frames([{ choices: [{ delta: {}, finish_reason: 'abort' }] }]));
      return (calls < 2 ? aborted : stream(fixtures.vllm.stream))(request, response);
    });
    expect((await ask(opened)).text).toBe(fixtures.vllm.text);
    expect(calls).toBe(2);
  });
});

describe('a stop string where a service sends thoughts apart', () => {
  const thought = (reasoning: string) => ({ choices: [{ delta: { reasoning } }] });
  const text = (content: string) => ({ choices: [{ delta: { content } }] });
  const end = { choices: [{ delta: {}, finish_reason: 'stop' }] };

  test.each(['\n', '\n\n', '>', 'User:'])(
    '%j is not looked for in a thought, nor around it',
    async (stop) => {
      const opened = await vllm(stream(frames([thought('The User:\n\nasks'), text('Four.'), end])));
      const answer = await ask(opened, { stop: [stop] });
      expect(answer.text).toBe('<think>\nThe User:\n\nasks\n</think>\n\nFour.');
      expect(answer.end).toEqual({ type: 'end', reason: 'stop' });
    },
  );

  test('ends the answer behind it', async () => {
    const said = [thought('Let me\nsee.'), text('Four'), text('.\n'), text('Five.'), end];
    const answer = await ask(await vllm(stream(frames(said))), { stop: ['.\nF'] });
    expect(answer.text).toBe('<think>\nLet me\nsee.\n</think>\n\nFour');
    expect(answer.end).toEqual({ type: 'end', reason: 'stop-string', stopString: '.\nF' });
  });

  test('does not begin before a thought and end behind it', async () => {
    const said = [text('Us'), thought('hm'), text('er:'), end];
    const answer = await ask(await vllm(stream(frames(said))), { stop: ['User:'] });
    expect(answer.text).toBe('Us<think>\nhm\n</think>\n\ner:');
    expect(answer.end.reason).toBe('stop');
  });
});

describe('time', () => {
  const words = (count: number): string =>
    frames(
      Array.from({ length: count }, () => ({ choices: [{ delta: { content: 'word ' } }] })),
      false,
    );

  test('no first piece in time', async () => {
    const opened = await vllm(() => undefined, { deadlines: { firstMs: 300 } });
    const { end } = await ask(opened);
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'timed-out' } });
    expect(end.error?.message).toMatch(/svc/);
  });

  test('comments keep the line open, but are no answer', async () => {
    const opened = await vllm(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const timer = setInterval(() => response.write(': keep-alive\n\n'), 20);
        response.once('close', () => clearInterval(timer));
      },
      { deadlines: { firstMs: 400 } },
    );
    const { end } = await ask(opened);
    expect(end.error).toMatchObject({
      code: 'timed-out',
      message: expect.stringContaining('began no answer') as string,
    });
  });

  test('silence in the middle interrupts, and the text is kept', async () => {
    const opened = await vllm(stream(words(3), { end: false }), { deadlines: { idleMs: 300 } });
    const { end, text } = await ask(opened);
    expect(text).toBe('word word word ');
    expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'timed-out' } });
    await expect.poll(() => opened.service.seen.at(-1)?.wasClosed).toBe(true);
  });

  test('what comes before the prompt is read does not shorten the time for reading it', async () => {
    const role = frames([{ choices: [{ delta: { role: 'assistant', content: '' } }] }], false);
    const opened = await vllm(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(role);
        setTimeout(
          () => response.end(words(2) + frames([{ choices: [{ delta: {}, finish_reason: 'stop' }] }])),
          900,
        );
      },
      { deadlines: { firstMs: 20_000, idleMs: 300 } },
    );
    const { end, text } = await ask(opened);
    expect(text).toBe('word word ');
    expect(end.reason).toBe('stop');
  });

  test.each(['breaks', 'falls silent'])(
    'an answer that is whole is whole where its connection %s',
    async (how) => {
      const opened = await vllm(
        (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          const said = words(2) + frames([{ choices: [{ delta: {}, finish_reason: 'stop' }] }], false);
          response.write(said, () =>
            how === 'breaks' ? setTimeout(() => response.destroy(), 50) : undefined,
          );
        },
        { deadlines: { idleMs: 500 } },
      );
      const { end, text } = await ask(opened);
      expect(text).toBe('word word ');
      expect(end).toEqual({ type: 'end', reason: 'stop' });
      expect(opened.service.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
    },
  );

  test('a connection cut in the middle interrupts, and is not asked again', async () => {
    const opened = await vllm((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(words(2), () => setTimeout(() => response.destroy(), 50));
    });
    const { end, text } = await ask(opened);
    expect(text).toBe('word word ');
    expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'provider-unreachable' } });
    expect(opened.service.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('before the first word it is tried again, as long as the service asks', async () => {
    let calls = 0;
    const opened = await vllm((request, response) => {
      calls += 1;
      const busy = json(503, { error: { message: 'Loading model' } }, { 'retry-after': '0' });
      return calls < 3 ? busy(request, response) : stream(fixtures.vllm.stream)(request, response);
    });
    expect((await ask(opened)).text).toBe(fixtures.vllm.text);
    expect(calls).toBe(3);
  });

  test('stopping closes the request at once', async () => {
    const opened = await vllm(stream(words(2), { end: false }));
    const controller = new AbortController();
    const parts: RunPart[] = [];
    for await (const part of opened.engine.generate(chatRequest('Hello'), controller.signal)) {
      parts.push(part);
      if (textOf(parts) === 'word word ') controller.abort();
    }
    expect(parts.at(-1)).toEqual({ type: 'end', reason: 'aborted' });
    expect(textOf(parts)).toBe('word word ');
    await expect.poll(() => opened.service.seen.at(-1)?.wasClosed).toBe(true);
  });
});
