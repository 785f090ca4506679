import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Provider } from '../../src/contracts/api/providers.ts';
import type { ChatMessage } from '../../src/contracts/chats.ts';
import type { Receipt, Run } from '../../src/contracts/runs.ts';
import { runProgram, startServer, temporaryFolder } from '../program.ts';
import * as fixtures from './service-fixtures.ts';
import { refusals } from './service-refusals.ts';
import { json, startService, stream, type StandInService } from './stand-in-service.ts';

/** Whole programs are started here, which takes a second each, or many on a busy machine. */
const timeout = 300_000;
const falcon = 'tiiuae/falcon-7b-instruct';

async function start(handlers: StandInService['handlers'], environmentOf: (url: string) => string[]) {
  const service = await startService(handlers);
  onTestFinished(() => service.close());
  const home = temporaryFolder(onTestFinished);
  writeFileSync(join(home, '.env'), environmentOf(service.url).join('\n'));
  const environment = { CORRAL_HOME: home };
  const server = await startServer(home, { environment });
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  const call = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    const answer = await fetch(server.address + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return (
      text === '' ? { status: answer.status } : { status: answer.status, ...JSON.parse(text) }
    ) as Answer;
  };
  const ask = async (chatId: string, content: string): Promise<Run> => {
    const { runs } = await call<{ runs: Run[] }>('POST', `/api/chats/${chatId}/runs`, {
      input: { kind: 'message', content },
    });
    const path = `/api/runs/${runs[0]!.id}`;
    await expect.poll(async () => (await call<Run>('GET', path)).phase, { timeout: 60_000 }).toBe('ended');
    return call<Run>('GET', path);
  };
  return { service, server, environment, call, ask };
}

test('origin C: Falcon over TGI, key from .env, token by token into the history', { timeout }, async () => {
  const { service, server, environment, call, ask } = await start(
    {
      'GET /info': json(200, fixtures.tgiInformation),
      'POST /generate_stream': stream(fixtures.tgiStream, { pieceBytes: 40 }),
    },
    (url) => [
      'CORRAL_PROVIDER_TGI_KIND=tgi',
      `CORRAL_PROVIDER_TGI_URL=${url}`,
      'CORRAL_PROVIDER_TGI_KEY=key-from-dot-env',
      'HF_HUB_OFFLINE=1',
    ],
  );
  const chat = await call<{ id: string }>('POST', '/api/chats', {
    settings: {
      model: `tgi:${falcon}`,
      systemPrompt: 'You are Falcon.',
      sampling: { temperature: 0.4, seed: 7, maxNewTokens: 100, stop: ['THE END'] },
    },
  });
  const first = await ask(chat.id, 'Hello');
  expect(first.endReason).toBe('stop-string');
  await ask(chat.id, 'Who are you?');
  const { messages } = await call<{ messages: ChatMessage[] }>('GET', `/api/chats/${chat.id}`);
  expect(messages.map(({ role, content }) => [role, content])).toEqual([
    ['user', 'Hello'],
    ['assistant', ' Hello!'],
    ['user', 'Who are you?'],
    ['assistant', ' Hello!'],
  ]);
  // The chat is given a title meanwhile, before its second message or after it.
  const asked = service.seen.filter(({ body }) => JSON.stringify(body).includes('You are Falcon.'));
  expect(asked[1]).toMatchObject({
    path: '/generate_stream',
    authorization: 'Bearer key-from-dot-env',
    body: {
      inputs: 'System: You are Falcon.\nUser: Hello\nFalcon:  Hello!\nUser: Who are you?\nFalcon:',
      parameters: {
        temperature: 0.4,
        max_new_tokens: 100,
        stop: ['THE END', '\nUser:', '\nFalcon:', '<|endoftext|>'],
        seed: 7,
      },
    },
  });
  const receipt = await call<Receipt>('GET', `/api/runs/${first.id}/receipt`);
  expect(receipt).toMatchObject({
    model: { reference: `tgi:${falcon}`, kind: 'remote' },
    engineRelease: 'Text Generation Inference 3.3.6',
    template: { name: 'falcon' },
    plan: { exact: false, contextTokens: 2048 },
  });
  expect(receipt.ignoredSampling).toEqual(expect.arrayContaining(['minP', 'presencePenalty']));

  const listed = await runProgram(['list', '--provider', 'tgi'], { environment });
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining(`tgi:${falcon}`) as string });
  const unknown = await runProgram(['list', '--provider', 'nobody'], { environment });
  expect(unknown).toMatchObject({ code: 66, stderr: expect.stringContaining('There are: tgi') as string });
  await server.stop();
});

test(
  'hf: says what works where nobody serves Falcon any more; services are added, checked and forgotten in the page',
  { timeout },
  async () => {
    const { status, body } = refusals.find(({ service }) => service.includes('nobody'))!;
    const { service, server, call, ask } = await start(
      {
        'GET /v1/models': json(200, fixtures.huggingFace.models),
        'POST /v1/chat/completions': json(status, body),
      },
      (url) => [
        'HF_TOKEN=hf_from_dot_env',
        'CORRAL_PROVIDER_HF_KIND=huggingface',
        `CORRAL_PROVIDER_HF_URL=${url}`,
        'CORRAL_PROVIDER_HF_KEY=hf_from_dot_env',
        'HF_HUB_OFFLINE=1',
      ],
    );
    const chat = await call<{ id: string }>('POST', '/api/chats', { settings: { model: `hf:${falcon}` } });
    const run = await ask(chat.id, 'Hello');
    expect(run).toMatchObject({ endReason: 'failed', error: { code: 'provider-model-unknown' } });
    expect(run.error?.hint).toContain(`corral pull ${falcon}`);
    expect(service.seen.at(-1)?.authorization).toBe('Bearer hf_from_dot_env');

    const put = { kind: 'openai', url: service.url, key: 'sk-typed-into-the-page' };
    for (const key of ['sk-••••1234', 'sk-ab\u200bc', 'sk-a\nb'])
      expect(await call('PUT', '/api/providers/lab', { ...put, key })).toMatchObject({
        status: 400,
        error: {
          details: { field: 'key' },
          message: expect.stringContaining('characters that no key has') as string,
        },
      });
    const saved = await call<Provider>('PUT', '/api/providers/lab', put);
    expect(saved).toMatchObject({ name: 'lab', hasKey: true, locked: false });
    const checked = await call<{ models: string[] }>('POST', '/api/providers/lab/check', {});
    expect(checked.models).toEqual([fixtures.huggingFace.model]);
    const listed = await call<{ providers: Provider[] }>('GET', '/api/providers');
    expect(listed.providers.map(({ name, locked }) => [name, locked])).toEqual([
      ['hf', true],
      ['lab', false],
    ]);
    expect(JSON.stringify(listed)).not.toMatch(/sk-typed|hf_from/);
    const { models } = await call<{ models: { id: string }[] }>('GET', '/api/models');
    expect(models.map(({ id }) => id)).toContain(`lab:${fixtures.huggingFace.model}`);
    const shown = await call<{ loaded: { supportedSampling: string[] } }>(
      'GET',
      `/api/models/${encodeURIComponent(`lab:${fixtures.huggingFace.model}`)}`,
    );
    expect(shown.loaded.supportedSampling).toContain('temperature');
    expect(shown.loaded.supportedSampling).not.toContain('grammar');
    expect(await call('PUT', '/api/providers/hf', put)).toMatchObject({ status: 409 });
    expect(await call('DELETE', '/api/providers/lab')).toMatchObject({ status: 204 });
    const late = await call<{ runs: Run[] }>('POST', `/api/chats/${chat.id}/runs`, {
      input: { kind: 'message', content: 'x' },
      settings: { model: `lab:${falcon}` },
    });
    await expect
      .poll(async () => (await call<Run>('GET', `/api/runs/${late.runs[0]!.id}`)).error?.code, {
        timeout: 30_000,
      })
      .toBe('provider-unknown');
    await server.stop();
  },
);
