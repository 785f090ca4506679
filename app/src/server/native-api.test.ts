import { afterAll, beforeAll, expect, test } from 'vitest';
import { scriptedModels, startServer, type RunningServer } from '../../test/fixtures/running-server.ts';
import { AppError } from '../contracts/app-error.ts';
import { createScriptedLoader } from '../engine/scripted/scripted-loader.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.close());

async function newChat(): Promise<string> {
  const { status, body } = await running.call('POST', '/api/chats', {});
  expect(status).toBe(201);
  return String(body['id']);
}

test('a message is accepted with 202 and its answer streams by offset', async () => {
  const id = await newChat();
  const started = await running.call('POST', `/api/chats/${id}/runs`, {
    input: { kind: 'message', content: 'Hello, herd' },
  });
  expect(started.status).toBe(202);
  const runId = String(started.body['runId']);
  expect(started.headers.get('location')).toBe(`/api/runs/${runId}`);
  const events = await running.call('GET', `/api/runs/${runId}/events`);
  expect(events.headers.get('content-type')).toContain('text/event-stream');
  const types = [...events.text.matchAll(/^event: (.+)$/gm)].map((match) => match[1]);
  expect(types[0]).toBe('start');
  expect(types.at(-1)).toBe('end');
  const opened = await running.call('GET', `/api/chats/${id}`);
  expect(JSON.stringify(opened.body)).toContain('You said');
  const rest = await running.call('GET', `/api/runs/${runId}/events?from=5`);
  expect(rest.text).toContain('"offset":5');
});

test('tabs hear of jobs, and finished runs are counted', async () => {
  const { body } = await running.call('POST', '/api/streams');
  const answer = await fetch(`${running.address}/api/streams/${String(body['streamId'])}`);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  await running.call('POST', '/api/pulls', { reference: 'owner/name' });
  let text = '';
  while (!text.includes('job-changed')) text += (await reader.read()).value ?? '';
  expect(text).toContain('"reference":"owner/name"');
  const id = await newChat();
  await running.call('POST', `/api/chats/${id}/runs`, { input: { kind: 'message', content: '/say hi' } });
  const counted = async () => (await running.call('GET', '/metrics')).text;
  await expect.poll(counted).toContain('corral_answers_total{dialect="native",reason="stop"}');
  await reader.cancel();
});

test.each([
  [
    '/api/pulls',
    { reference: 'owner/lora' },
    [{ base: 'owner/one' }, { base: 'owner/two' }, { force: true }],
  ],
  ['/api/adapters', { reference: 'owner/lora' }, [{ base: 'owner/one' }, { base: 'owner/two' }]],
  [
    '/api/model-imports',
    { path: '/srv/llama' },
    [{ name: 'other' }, { name: 'other', quantisation: 'q8_0' }],
  ],
])(
  '%s: the same once more is the same work, anything else is work of its own',
  async (path, plain, others) => {
    const ask = async (body: object): Promise<unknown> => (await running.call('POST', path, body)).body['id'];
    const ids = [];
    for (const options of [{}, ...others]) ids.push(await ask({ ...plain, ...options }));
    expect(new Set(ids).size).toBe(others.length + 1);
    for (const [index, options] of [{}, ...others].entries())
      expect(await ask({ ...options, ...plain })).toBe(ids[index]);
    await running.call('DELETE', `/api/jobs/${String(ids[0])}`);
    const resumed = await running.call('POST', `/api/jobs/${String(ids[0])}/resume`);
    expect(await ask(plain)).toBe(resumed.body['id']);
  },
);

test('a tab hears that there are other models when a pull, an import or an adapter is done', async () => {
  const working = await startServer();
  await working.jobs.start();
  const { body } = await working.call('POST', '/api/streams');
  const answer = await fetch(`${working.address}/api/streams/${String(body['streamId'])}`);
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  for (const [path, asked] of [
    ['/api/pulls', { reference: 'owner/name' }],
    ['/api/model-imports', { path: '/srv/model.gguf' }],
    ['/api/adapters', { reference: 'owner/adapter' }],
  ] as const) {
    expect((await working.call('POST', path, asked)).status).toBe(202);
    let text = '';
    while (!text.includes('models-changed')) text += (await reader.read()).value ?? '';
    expect([path, text]).toEqual([path, expect.stringContaining('"state":"done"')]);
  }
  await reader.cancel();
  await working.close();
});

test('a model that is not removed stays in memory, and what it is writing comes to its end', async () => {
  const loader = createScriptedLoader({ tokensPerSecond: 50 });
  const loads: string[] = [];
  const refusing = await startServer({
    loaders: [
      {
        ...loader,
        load: (source, options) => {
          loads.push(source.id);
          return loader.load(source, options);
        },
      },
    ],
    models: {
      ...scriptedModels(),
      remove: async () => {
        throw new AppError('conflict', 'scripted is the base of an adapter.');
      },
    },
  });
  const { body: chat } = await refusing.call('POST', '/api/chats', {});
  const input = { kind: 'message', content: '/long 100' };
  const { body } = await refusing.call('POST', `/api/chats/${String(chat['id'])}/runs`, { input });
  const run = `/api/runs/${String(body['runId'])}`;
  await expect.poll(async () => (await refusing.call('GET', run)).body['phase']).toBe('streaming');
  expect(await refusing.call('DELETE', '/api/models/scripted')).toMatchObject({ status: 409 });
  const { text } = await refusing.call('GET', `${run}/events`);
  expect(text).toContain('"reason":"stop"');
  expect(loads).toEqual(['scripted']);
  await refusing.close();
});

test('of a chat the last messages alone can be had; what was left out is said', async () => {
  const id = await newChat();
  for (const content of ['/say one', '/say two']) {
    const started = await running.call('POST', `/api/chats/${id}/runs`, {
      input: { kind: 'message', content },
    });
    await running.call('GET', `/api/runs/${String(started.body['runId'])}/events`);
  }
  const open = async (query: string): Promise<unknown> => {
    const { body } = await running.call('GET', `/api/chats/${id}${query}`);
    const messages = body['messages'] as { content: string }[];
    expect(body).toMatchObject({ chat: { messageCount: 4 }, plan: { messages: expect.any(Array) } });
    return [messages.map((message) => message.content), body['whole']];
  };
  const all = ['/say one', 'one', '/say two', 'two'];
  expect(await open('')).toEqual([all, true]);
  expect(await open('?last=2')).toEqual([all.slice(2), false]);
  expect(await open('?last=4')).toEqual([all, true]);
  for (const wrong of ['0', '1001', 'x'])
    expect((await running.call('GET', `/api/chats/${id}?last=${wrong}`)).status).toBe(400);
});

test('chats are listed, changed by version, deleted and brought back', async () => {
  const id = await newChat();
  const first = await running.call(
    'PATCH',
    `/api/chats/${id}`,
    { title: 'named', pinned: true },
    { 'if-match': '"1"' },
  );
  expect([first.status, first.body]).toMatchObject([
    200,
    { title: 'named', titleSource: 'hand', version: 2 },
  ]);
  const stale = await running.call('PATCH', `/api/chats/${id}`, { title: 'lost' }, { 'if-match': '"1"' });
  expect([stale.status, stale.body]).toMatchObject([
    409,
    { error: { code: 'conflict', details: { version: 2 } } },
  ]);
  const list = await running.call('GET', '/api/chats?limit=1');
  expect(list.body).toMatchObject({ chats: [{ id }] });
  const tagged = await running.call('PATCH', `/api/chats/${id}`, { tags: [' b ', 'a', 'b'] });
  expect(tagged.body).toMatchObject({ tags: ['a', 'b'], version: 3 });
  const byTag = await running.call('GET', '/api/chats?tag=b');
  expect(byTag.body).toMatchObject({ chats: [{ id }], tags: [{ name: 'a', chatCount: 1 }, { name: 'b' }] });
  const trashed = await running.call('DELETE', `/api/chats/${id}`);
  expect((await running.call('GET', `/api/chats/${id}`)).status).toBe(404);
  const restored = await running.call('POST', `/api/trash/${String(trashed.body['id'])}/restore`);
  expect(restored.body).toMatchObject({ id, title: 'named' });
});

test('the same Idempotency-Key does a thing once, and refuses another thing', async () => {
  const headers = { 'idempotency-key': 'once-only' };
  const first = await running.call('POST', '/api/chats', { title: 'a' }, headers);
  const again = await running.call('POST', '/api/chats', { title: 'a' }, headers);
  expect(again.body['id']).toBe(first.body['id']);
  expect((await running.call('POST', '/api/chats', { title: 'b' }, headers)).status).toBe(422);
  const path = `/api/chats/${String(first.body['id'])}/runs`;
  const body = { input: { kind: 'message', content: 'x' } };
  const run = await running.call('POST', path, body, { 'idempotency-key': 'run-once' });
  expect((await running.call('POST', path, body, { 'idempotency-key': 'run-once' })).body['runId']).toBe(
    run.body['runId'],
  );
});

test('a wording that is sent twice under one Idempotency-Key is one wording', async () => {
  const created = await running.call('POST', '/api/chats', {});
  const path = `/api/chats/${String(created.body['id'])}`;
  const input = { kind: 'message', content: 'x' };
  const run = await running.call('POST', `${path}/runs`, { input });
  const messageId = String(run.body['parentId']);
  const edit = (content: string) =>
    running.call(
      'POST',
      `${path}/messages/${messageId}/edit`,
      { content },
      { 'idempotency-key': 'word-once' },
    );
  const first = await edit('y');
  expect(first.status).toBe(201);
  expect((await edit('y')).body['id']).toBe(first.body['id']);
  expect((await edit('z')).status).toBe(422);
});

test('settings, presets and preferences come back as they were saved, with their source', async () => {
  const saved = await running.call('PUT', '/api/preferences', {
    settings: { sampling: { temperature: 0.2 } },
    page: { theme: 'dark' },
  });
  expect(saved.body).toMatchObject({ settings: { sampling: { temperature: 0.2 } }, page: { theme: 'dark' } });
  const { body } = await running.call('GET', '/api/settings');
  const settings = body['settings'] as { name: string; value: unknown; source: string }[];
  expect(settings.find(({ name }) => name === 'sampling.temperature')).toMatchObject({
    value: 0.2,
    source: 'preference',
  });
  const preset = await running.call('PUT', '/api/presets/short%20answers', {
    settings: { systemPrompt: 'Be brief.' },
  });
  expect(preset.body).toMatchObject({ name: 'short answers', version: 1 });
  expect((await running.call('GET', '/api/presets')).body).toMatchObject({
    presets: [{ name: 'short answers' }],
  });
  expect((await running.call('DELETE', '/api/presets/short%20answers')).status).toBe(204);
});

test('system, models, export and import, and the reference page', async () => {
  const system = await running.call('GET', '/api/system');
  expect(system.body).toMatchObject({ title: 'Corral', features: { logging: 'off' }, writable: true });
  expect((await running.call('GET', '/api/models')).body).toMatchObject({
    models: [{ id: 'scripted' }],
    defaultModel: 'scripted',
  });
  const file = await running.call('GET', '/api/export?format=chat_history');
  expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename="[\w.-]+"$/);
  const history = {
    session: [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: 'a' },
    ],
  };
  const imported = await running.call('POST', '/api/import', history);
  expect([imported.status, imported.body]).toMatchObject([
    201,
    { format: 'chat_history', chats: 1, messages: 2 },
  ]);
  // Millions of empty objects would fill the memory: they are counted before one is built.
  const hollow = await fetch(`${running.address}/api/import`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `[${'{},'.repeat(4_000_000)}{}]`,
  });
  expect([hollow.status, await hollow.json()]).toMatchObject([422, { error: { code: 'file-invalid' } }]);
  const openapi = await running.call('GET', '/api/openapi.json');
  expect(Object.keys(openapi.body['paths'] as object)).toContain('/api/chats/{id}/runs');
  const docs = await running.call('GET', '/api/docs');
  expect(docs.text).not.toMatch(/(src|href)="http/);
});
