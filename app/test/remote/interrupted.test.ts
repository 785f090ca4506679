import { afterEach, describe, expect, test } from 'vitest';
import { openChats, watchToEnd, type OpenedChats } from '../fixtures/open-chats.ts';
import { openLoader } from './remote-model.ts';
import * as fixtures from './service-fixtures.ts';
import { frames, json, startService, stream, type Handler } from './stand-in-service.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const patience = { timeout: 60_000 };

const piece = (content: string): string => frames([{ choices: [{ delta: { content } }] }], false);
const ended = frames([{ choices: [{ delta: {}, finish_reason: 'stop' }] }]);

const thought = (reasoning: string): string => frames([{ choices: [{ delta: { reasoning } }] }], false);

/** Says this and breaks. */
const brokenBehind =
  (said: string): Handler =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(said, () => setTimeout(() => response.destroy(), 50));
  };
const broken = (content: string): Handler => brokenBehind(piece(content));

async function open(fixture: fixtures.ServiceFixture, answers: Handler[]) {
  const service = await startService({
    'GET /v1/models': json(200, fixture.models),
    'POST /v1/chat/completions': (request, response) => answers.shift()?.(request, response),
  });
  const remote = openLoader({ provider: { kind: 'openai', url: service.url } });
  const opened: OpenedChats = await openChats({ loaders: [remote.loader] });
  closing.push(service.close, remote.close, opened.remove);
  const chat = await opened.chat({ model: `svc:${fixture.model}` });
  return { ...opened, service, chatId: chat.id };
}

describe('an answer that breaks in the middle', () => {
  test('goes on by itself where the service takes a begun answer', async () => {
    const { say, chats, owner, chatId, service } = await open(fixtures.vllm, [
      broken('Once upon'),
      stream(piece(' a time.') + ended),
    ]);
    const { end, text } = await say(chatId, 'Tell me');
    expect(text).toBe('Once upon a time.');
    expect(end).toMatchObject({ reason: 'stop', resumed: true });
    const asked = service.seen.filter(({ method }) => method === 'POST').map(({ body }) => body);
    expect(asked[1]).toMatchObject({ continue_final_message: true });
    expect((asked[1]!['messages'] as object[]).at(-1)).toEqual({ role: 'assistant', content: 'Once upon' });
    const [, answer] = (await chats.open(owner, chatId)).messages;
    const [receipt] = await chats.receipts(owner, answer!.id);
    expect(receipt).toMatchObject({ resumedAt: [9], engineRelease: 'vLLM', model: { kind: 'remote' } });
  });

  test('is over where the service goes on without end, and says whose fault it is', async () => {
    const endless: Handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write(piece('and on '.repeat(200))), 1);
      response.once('close', () => clearInterval(timer));
    };
    const { say, chats, owner, chatId, service } = await open(fixtures.vllm, [endless]);
    const settings = { model: `svc:${fixtures.vllm.model}`, sampling: { maxNewTokens: 10 } };
    await chats.update(owner, chatId, { change: { settings } });
    const { end } = await say(chatId, 'Tell me');
    expect(end).toMatchObject({ reason: 'failed', error: { code: 'provider-answer-invalid' } });
    expect(service.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('never has fewer than no tokens of prompt, however the rest was counted', async () => {
    const usage = { prompt_tokens: 100, completion_tokens: 5, total_tokens: 105 };
    const { say, chats, owner, chatId } = await open(fixtures.vllm, [
      broken('Once upon a time. '.repeat(40)),
      stream(
        piece('The end.') +
          frames([{ choices: [{ delta: {}, finish_reason: 'stop' }] }, { choices: [], usage }]),
      ),
    ]);
    expect((await say(chatId, 'Tell me')).end.reason).toBe('stop');
    const [, answer] = (await chats.open(owner, chatId)).messages;
    const [receipt] = await chats.receipts(owner, answer!.id);
    expect(receipt?.usage?.promptTokens).toBeGreaterThanOrEqual(0);
    expect(receipt?.usage?.cachedTokens).toBeGreaterThanOrEqual(0);
  });

  test('goes on inside the thought that it broke in', async () => {
    const { say, chatId, service } = await open(fixtures.vllm, [
      brokenBehind(thought('Let me')),
      stream(thought(' see.') + piece('Four.') + ended),
    ]);
    const { end, text } = await say(chatId, 'Two and two?');
    expect(text).toBe('<think>\nLet me see.\n</think>\n\nFour.');
    expect(end).toMatchObject({ reason: 'stop', resumed: true });
    const asked = service.seen.at(-1)?.body['messages'] as { content: string }[];
    expect(asked.at(-1)?.content).toBe('<think>\nLet me');
  });

  test('goes on by itself as well where the service says that it gave up', async () => {
    const gaveUp = frames([{ choices: [{ delta: {}, finish_reason: 'abort' }] }]);
    const { say, chatId, service } = await open(fixtures.vllm, [
      stream(piece('Once upon') + gaveUp),
      stream(piece(' a time.') + ended),
    ]);
    const { end, text } = await say(chatId, 'Tell me');
    expect(text).toBe('Once upon a time.');
    expect(end).toMatchObject({ reason: 'stop', resumed: true });
    expect(service.seen.filter(({ method }) => method === 'POST')).toHaveLength(2);
  });

  test('is kept elsewhere, and Continue asks for the rest', async () => {
    const { say, chats, owner, chatId, service } = await open(fixtures.ollama, [
      broken('Once upon'),
      stream(thought('They want the rest.') + piece(' a time.') + ended),
    ]);
    const { end, text, run } = await say(chatId, 'Tell me');
    expect(text).toBe('Once upon');
    expect(end).toMatchObject({
      reason: 'interrupted',
      error: { code: 'provider-unreachable', hint: expect.stringContaining('Continue') as string },
    });
    expect(service.seen.filter(({ path }) => path.endsWith('/chat/completions'))).toHaveLength(1);
    const { runs } = await chats.run(owner, chatId, {
      input: { kind: 'continue', messageId: run.messageId },
    });
    const rest = await watchToEnd(chats, owner, runs[0]!);
    expect(rest.end.reason).toBe('stop');
    const [, answer] = (await chats.open(owner, chatId)).messages;
    expect(answer?.content).toBe('Once upon a time.');
  });

  /** As llama-server did before May 2026 with models that think, and vLLM does where their template cuts thoughts. */
  const refusesPrefill: Handler = (request, response) => {
    const message = 'Assistant response prefill is incompatible with enable_thinking.';
    return json(400, { error: { code: 400, message, type: 'invalid_request_error' } })(request, response);
  };

  test('is kept where the service refuses to go on with it, and Continue asks for the rest', async () => {
    const { say, chats, owner, chatId, service } = await open(fixtures.llamaServer, [
      broken('Once upon'),
      refusesPrefill,
      stream(thought('They want the rest.') + piece(' a time.') + ended),
    ]);
    const { end, text, run } = await say(chatId, 'Tell me');
    expect(text).toBe('Once upon');
    expect(end.error).toMatchObject({
      message: expect.stringContaining('incompatible with enable_thinking') as string,
      hint: expect.stringContaining('Continue') as string,
    });
    const asked = () => service.seen.filter(({ method }) => method === 'POST').map(({ body }) => body);
    expect(asked()[1]).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
    const { runs } = await chats.run(owner, chatId, {
      input: { kind: 'continue', messageId: run.messageId },
    });
    expect((await watchToEnd(chats, owner, runs[0]!)).end.reason).toBe('stop');
    const [, answer] = (await chats.open(owner, chatId)).messages;
    expect(answer?.content).toBe('Once upon a time.');
    // That it refuses is known by then.
    expect(asked()).toHaveLength(3);
    expect(asked()[2]).not.toHaveProperty('continue_final_message');
  });

  test('is asked for anew at once where a person asks for its rest and the service refuses it', async () => {
    const { say, chats, owner, chatId, service } = await open(fixtures.llamaServer, [
      stream(piece('Once upon') + frames([{ choices: [{ delta: {}, finish_reason: 'length' }] }])),
      refusesPrefill,
      stream(thought('They want the rest.') + piece(' a time.') + ended),
    ]);
    const { run } = await say(chatId, 'Tell me');
    const { runs } = await chats.run(owner, chatId, {
      input: { kind: 'continue', messageId: run.messageId },
    });
    expect((await watchToEnd(chats, owner, runs[0]!)).end.reason).toBe('stop');
    const [, answer] = (await chats.open(owner, chatId)).messages;
    expect(answer?.content).toBe('Once upon a time.');
    expect((service.seen.at(-1)!.body['messages'] as object[]).at(-1)).toMatchObject({ role: 'user' });
  });

  test('that was left by a stopped server is kept as well', { timeout: 300_000 }, async () => {
    const first = await open(fixtures.ollama, [stream(piece('Once upon'), { end: false })]);
    const { chats, owner, chatId, home, service } = first;
    const { runs } = await chats.run(owner, chatId, { input: { kind: 'message', content: 'Tell me' } });
    const text = async (store = first.store) =>
      (await store.getMessage(owner, runs[0]!.messageId))?.content ?? '';
    await expect
      .poll(async () => (await first.store.getRun(owner, runs[0]!.id))?.durableOffset, patience)
      .toBe('Once upon'.length);
    await first.close();
    const remote = openLoader({ provider: { kind: 'openai', url: service.url } });
    const again = await openChats({ home, loaders: [remote.loader] });
    closing.push(remote.close, again.close);
    await again.chats.start();
    await expect
      .poll(async () => (await again.store.getRun(owner, runs[0]!.id))?.endReason, patience)
      .toBe('interrupted');
    expect(await text(again.store)).toBe('Once upon');
  });

  test('that was left by a stopped server goes on inside its thought', { timeout: 300_000 }, async () => {
    const first = await open(fixtures.vllm, [
      stream(thought('Let me'), { end: false }),
      stream(thought(' see.') + piece('Four.') + ended),
    ]);
    const { chats, owner, chatId, home, service } = first;
    const { runs } = await chats.run(owner, chatId, { input: { kind: 'message', content: 'Two and two?' } });
    const run = async (store = first.store) => store.getRun(owner, runs[0]!.id);
    await expect.poll(async () => (await run())?.durableOffset, patience).toBe('<think>\nLet me'.length);
    await first.close();
    const remote = openLoader({ provider: { kind: 'openai', url: service.url } });
    const again = await openChats({ home, loaders: [remote.loader] });
    closing.push(remote.close, again.close);
    await again.chats.start();
    await expect.poll(async () => (await run(again.store))?.endReason, patience).toBe('stop');
    const answer = await again.store.getMessage(owner, runs[0]!.messageId);
    expect(answer?.content).toBe('<think>\nLet me see.\n</think>\n\nFour.');
  });
});

test('one chat speaks with models here and elsewhere, and each receipt says who answered', async () => {
  const { say, chats, owner, chatId, service } = await open(fixtures.vllm, [
    stream(piece('From afar.') + ended),
    stream(piece('From afar again.') + ended),
  ]);
  await say(chatId, 'one');
  const use = async (model: string): Promise<unknown> =>
    chats.update(owner, chatId, { change: { settings: { model } } });
  await use('scripted');
  await say(chatId, '/say From here.');
  await use(`svc:${fixtures.vllm.model}`);
  await say(chatId, 'three');
  const answers = (await chats.open(owner, chatId)).messages.filter(({ role }) => role === 'assistant');
  expect(answers.map(({ content }) => content)).toEqual(['From afar.', 'From here.', 'From afar again.']);
  const receipts = await Promise.all(answers.map(async ({ id }) => (await chats.receipts(owner, id))[0]));
  expect(receipts.map((receipt) => [receipt?.model.kind, receipt?.engineRelease])).toEqual([
    ['remote', 'vLLM'],
    ['scripted', 'scripted'],
    ['remote', 'vLLM'],
  ]);
  expect(receipts[0]?.ignoredSampling).toContain('penaltyWindow');
  const sent = service.seen.at(-1)?.body['messages'] as { content: string }[];
  expect(sent.map(({ content }) => content)).toEqual([
    'one',
    'From afar.',
    '/say From here.',
    'From here.',
    'three',
  ]);
});
