import { afterEach, expect, test } from 'vitest';
import { startServer, type RunningServer } from '../../../test/fixtures/running-server.ts';

let running: RunningServer;
let seen: string[] = [];
afterEach(() => running.close());

/** A model that answers "ok", and tells how each message begins that it sees. */
async function start(contextTokens: number): Promise<void> {
  running = await startServer({
    script: {
      contextTokens,
      answer: (_question, { prompt }) => {
        const messages = prompt.kind === 'chat' ? prompt.messages : [];
        seen = messages.map(({ role, content }) => `${role} ${content.split(' ', 1)[0]}`);
        return 'ok';
      },
    },
  });
}

/** Asks, and gives the warning of the answer. */
async function ask(message: string, more: { history?: unknown[]; session_hash?: string }): Promise<unknown> {
  const { history = null, ...session } = more;
  const data = [message, null, null, null, null, null, null, history];
  const { status, body } = await running.call('POST', '/gradio_api/run/chat', { data, ...session });
  expect(status).toBe(200);
  return (body['log'] as { log: string } | undefined)?.log;
}

const warning = (count: number): string =>
  `The model no longer sees the first ${count} messages: the conversation is too long for it.`;

test('what a session of a million characters let go of is told with every answer, until it is cleared', async () => {
  await start(50_000_000);
  const session_hash = 'long';
  const say = (count: number, size = 400_000) => ask(`${count} ${'x'.repeat(size)}`, { session_hash });
  for (const count of [1, 2, 3]) expect(await say(count)).toBeUndefined();
  expect(await say(4)).toBe(warning(2));
  expect(seen).toEqual(['user 2', 'assistant ok', 'user 3', 'assistant ok', 'user 4']);
  expect(await say(5)).toBe(warning(4));
  expect(await say(6, 1)).toBe(warning(6));
  expect(await say(7, 1)).toBe(warning(6));
  const history = [{ role: 'user', content: 'other' }];
  expect(await ask('8', { session_hash, history })).toBeUndefined();
  for (const count of [9, 10, 11]) await say(count);
  expect(await say(12, 1)).toBe(warning(5));
  await running.call('POST', '/gradio_api/run/clear', { data: [], session_hash });
  expect(await say(13)).toBeUndefined();
  expect(seen).toEqual(['user 13']);
});

const long = 'word '.repeat(60);
const exchanges = [1, 2, 3].flatMap((count) => [
  { role: 'user', content: `Q${count} ${long}` },
  { role: 'assistant', content: `A${count} ${long}` },
]);
const rules = { role: 'system', content: 'rules of the house' };

test('a conversation that is too long keeps what the system says, and begins with a question', async () => {
  await start(600);
  const left = ['user Q3', 'assistant A3', 'user last'];
  const session_hash = 'with-rules';
  expect(await ask('last', { history: [rules, ...exchanges], session_hash })).toBe(warning(4));
  expect(seen).toEqual(['system rules', ...left]);
  expect(await ask('later', { session_hash })).toBe(warning(4));
  expect(seen).toEqual(['system rules', ...left, 'assistant ok', 'user later']);
  const pairs = [1, 2, 3].map((count) => [`Q${count} ${long}`, `A${count} ${long}`]);
  expect(await ask('last', { history: [[null, 'Hello, how can I help?'], ...pairs] })).toBe(warning(5));
  expect(seen).toEqual(left);
});

test('one of more than a million characters as well', async () => {
  await start(50_000_000);
  const large = { role: 'assistant', content: 'x'.repeat(700_000) };
  const greeting = { role: 'assistant', content: 'Hello!' };
  const history = [rules, greeting, exchanges[0], large, exchanges[2], large];
  expect(await ask('last', { history })).toBe(warning(3));
  expect(seen.map((message) => message.slice(0, 12))).toEqual([
    'system rules',
    'user Q2',
    'assistant xx',
    'user last',
  ]);
});
