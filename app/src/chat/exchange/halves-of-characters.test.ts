import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type RunningServer } from '../../../test/fixtures/running-server.ts';
import { maxSystemPromptCharacters } from '../../contracts/chats.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.close());

test('a text that was cut inside a character costs its file nothing, and reads as text with a sign for that', async () => {
  const message = (role: string, text: string): object => ({
    author: { role },
    content: { content_type: 'text', parts: [text] },
  });
  const file = [
    {
      title: 'cut \ud83d',
      mapping: {
        u: { id: 'u', parent: null, children: ['a'], message: message('user', 'Where to?') },
        a: { id: 'a', parent: 'u', children: [], message: message('assistant', 'South \ud83d.') },
      },
    },
  ];
  const imported = await running.call('POST', '/api/import', file);
  expect(imported).toMatchObject({ status: 201, body: { format: 'chatgpt', messages: 2, skipped: [] } });
  const [id] = imported.body['chatIds'] as string[];
  expect((await running.call('GET', `/api/chats/${id}`)).body).toMatchObject({
    chat: { title: 'cut \ufffd' },
    messages: [{ content: 'Where to?' }, { content: 'South \ufffd.' }],
  });
});

test('a system prompt that is too long is not cut inside a character', async () => {
  const long = `${'x'.repeat(maxSystemPromptCharacters - 1)}\u{1f402} and more`;
  const said = { u: { role: 'user', content: 'hi' } };
  const files = [
    {
      s: [
        { role: 'system', content: long },
        { role: 'user', content: 'hi' },
      ],
    },
    [{ chat: { title: 'long', system: long, history: { messages: said, currentId: 'u' } } }],
  ];
  for (const file of files) {
    const { body } = await running.call('POST', '/api/import', file);
    const [id] = body['chatIds'] as string[];
    const opened = await running.call('GET', `/api/chats/${id}`);
    const { settings } = opened.body['chat'] as { settings: { systemPrompt: string } };
    expect(settings.systemPrompt).toHaveLength(maxSystemPromptCharacters - 1);
  }
});
