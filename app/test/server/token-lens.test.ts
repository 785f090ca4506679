import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChatMessage } from '../../src/contracts/chats.ts';
import type { TokenLens } from '../../src/contracts/lens.ts';
import { nativeClient, type NativeClient } from '../fixtures/native-client.ts';
import { startServer, type RunningServer } from '../program.ts';

/** The tokens of answers of the bundled model, through the whole program. */

let server: RunningServer;
let client: NativeClient;
const folder = mkdtempSync(join(tmpdir(), 'corral-lens-'));

beforeAll(async () => {
  server = await startServer(join(folder, 'home'), { environment: { HF_HUB_OFFLINE: 'true' } });
  client = nativeClient(server.address);
}, 120_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const question = 'Tell me a quiet story';
const sampling = { temperature: 0, maxNewTokens: 24 };

function look({ chatId, id }: Pick<ChatMessage, 'chatId' | 'id'>): Promise<TokenLens> {
  return client.call('GET', `/api/chats/${chatId}/messages/${id}/tokens`);
}

const spelt = ({ tokens }: TokenLens): string => tokens.map(({ text }) => text).join('');

test('an answer is told as the tokens it was made of, with what generating it reported', async () => {
  const { answer } = await client.ask(await client.newChat(), question, { sampling });
  const lens = await look(answer);
  expect(lens).toMatchObject({ model: 'cria', basis: 'receipt' });
  expect(spelt(lens)).toBe(answer.content);
  const openai = new OpenAI({ baseURL: `${server.address}/v1`, apiKey: 'none', maxRetries: 0 });
  const reported = await openai.chat.completions.create({
    model: 'cria',
    messages: [{ role: 'user', content: question }],
    temperature: 0,
    max_tokens: 24,
    logprobs: true,
    top_logprobs: 5,
  });
  const drawn = reported.choices[0]?.logprobs?.content ?? [];
  expect(lens.tokens.map(({ text }) => text)).toEqual(
    drawn.slice(0, lens.tokens.length).map(({ token }) => token),
  );
  for (const [index, { logprob, alternatives }] of lens.tokens.entries()) {
    expect(logprob).toBeCloseTo(drawn[index]!.logprob, 1);
    expect(alternatives).toHaveLength(5);
    expect(alternatives.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1.0001);
    // Drawn at temperature 0, each is the likeliest.
    expect(alternatives[0]?.text).toBe(drawn[index]!.token);
  }
});

test('another token is gone on from in a version of its own, which can be looked at as well', async () => {
  const { answer } = await client.ask(await client.newChat(), question, { sampling });
  const { chatId } = answer;
  const { tokens } = await look(answer);
  const other = tokens[3]?.alternatives.find(({ kind, id }) => kind === 'text' && id !== tokens[3]?.ids[0]);
  const content =
    tokens
      .slice(0, 3)
      .map(({ text }) => text)
      .join('') + (other?.text ?? '');
  const edited = await client.call<ChatMessage>('POST', `/api/chats/${chatId}/messages/${answer.id}/edit`, {
    content,
  });
  expect(await look(edited)).toMatchObject({ basis: 'now' });
  const { runId } = await client.startWith(chatId, {
    input: { kind: 'continue', messageId: edited.id },
    settings: { sampling },
  });
  await client.ended(runId);
  const { chat, messages } = await client.open(chatId);
  expect(chat.activeLeafId).toBe(edited.id);
  const gone = messages.find(({ id }) => id === edited.id);
  expect(gone?.parentId).toBe(answer.parentId);
  expect(gone?.content.startsWith(content)).toBe(true);
  expect(gone?.content.length).toBeGreaterThan(content.length);
  const lens = await look(gone!);
  expect(lens.basis).toBe('receipt');
  expect(spelt(lens)).toBe(gone?.content);
});

test('what is no finished answer is refused, and an answer of a temporary chat is looked at as well', async () => {
  const { id: chatId } = await client.call<{ id: string }>('POST', '/api/chats', { temporary: true });
  const { runId, messageId, parentId } = await client.start(chatId, question, { sampling });
  await client.ended(runId);
  expect(await look({ chatId, id: messageId })).toMatchObject({ basis: 'now' });
  await expect(look({ chatId, id: parentId! })).rejects.toThrow(/400.*only answers/);
  const endless = { temperature: 0, maxNewTokens: 2000, ignoreEos: true };
  const long = await client.start(await client.newChat(), question, { sampling: endless });
  const [run] = long.runs;
  await expect(look({ chatId: run!.chatId, id: long.messageId })).rejects.toThrow(/409.*still being written/);
  await client.call('DELETE', `/api/runs/${long.runId}`);
});
