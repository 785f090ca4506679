import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openParts } from '../../src/compose/open-parts.ts';
import type { Parts } from '../../src/compose/parts.ts';
import { prepareHome } from '../../src/config/home.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { passingFile } from '../../src/store/passing-files.ts';

/** The whole program with the real engine, which keeps states of chats on disk, and a log sink that is away. */

const root = fileURLToPath(new URL('../../..', import.meta.url));
let home: string;
let parts: Parts;
let address: string;

async function start(more: Record<string, string> = {}): Promise<void> {
  const config = loadConfig({
    root,
    environment: {
      CORRAL_HOME: home,
      CORRAL_TEST_SETTINGS: home,
      PORT: '0',
      HF_HUB_OFFLINE: 'true',
      CORRAL_LOG_LEVEL: 'silent',
      LOGGING_URL: 'http://127.0.0.1:9/log',
      ...more,
    },
  });
  parts = await openParts({
    config,
    home: prepareHome(config.home),
    version: '0.0.0-test',
    logLevel: 'silent',
  });
  await parts.start();
  address = await parts.server.listen();
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'corral-erase-'));
  await start();
});
afterEach(async () => {
  await parts.close();
  rmSync(home, { recursive: true });
});

async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const answer = await fetch(address + path, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(answer.ok, `${method} ${path}: ${answer.status}`).toBe(true);
  return (answer.status === 204 ? null : await answer.json()) as Answer;
}

/** A chat with one answered message. */
async function say(content: string, options: { temporary?: boolean } = {}): Promise<string> {
  // Long enough for a state to be worth a file.
  const settings = { systemPrompt: `${content} `.repeat(20), sampling: { maxNewTokens: 6 } };
  const { id } = await call<{ id: string }>('POST', '/api/chats', { ...options, settings, tags: [content] });
  await sayIn(id, content);
  return id;
}

async function sayIn(id: string, content: string): Promise<void> {
  const input = { kind: 'message', content };
  const started = await call<{ runs: { id: string }[] }>('POST', `/api/chats/${id}/runs`, { input });
  const phase = async (): Promise<string> =>
    (await call<{ phase: string }>('GET', `/api/runs/${started.runs[0]!.id}`)).phase;
  while ((await phase()) !== 'ended') await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Names of all files below CORRAL_HOME that hold a text, archives unpacked. */
function filesWith(text: string): string[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .filter((file) => {
      const bytes = readFileSync(join(file.parentPath, file.name));
      return (file.name.endsWith('.gz') ? gunzipSync(bytes) : bytes).includes(text);
    })
    .map((file) => file.name);
}

const states = (): string[] => readdirSync(join(home, 'kv')).sort();

test('an erased chat is in no file any more: rows, index, log of the database, outbox, backups, states', async () => {
  const kept = await say('zebrakept');
  const erased = await say('zebraerased');
  await call('POST', '/api/backups', {});
  await call('POST', '/api/backups?archive=1', {});
  await parts.close();
  expect(states()).toHaveLength(2);
  // A restore was killed, and another one while its file was still coming in.
  const temporary = join(home, 'tmp');
  const left = passingFile(temporary, 'restore');
  for (const path of [left, `${left}-wal`, `${left}.partial`, passingFile(temporary, 'given')])
    writeFileSync(path, `zebraerased of ${erased}`);
  await start();
  expect(readdirSync(temporary)).toEqual([]);
  expect(filesWith('zebraerased').length).toBeGreaterThanOrEqual(3);
  await call('DELETE', `/api/chats/${erased}?erase=1`);
  expect(filesWith('zebraerased')).toEqual([]);
  expect(filesWith(erased)).toEqual([]);
  expect(filesWith('zebrakept').length).toBeGreaterThanOrEqual(3);
  expect(states()).toHaveLength(1);
  await call('DELETE', `/api/chats/${kept}?erase=1`);
  expect(states()).toEqual([]);
});

test('the state of an erased chat goes also where the backups cannot be cleaned', async () => {
  const id = await say('zebraerased');
  const kept = await say('zebrakept');
  await parts.close();
  await start();
  expect(states()).toHaveLength(2);
  const backups = join(home, 'backups');
  rmSync(backups, { recursive: true, force: true });
  writeFileSync(backups, 'no folder');
  const answer = await fetch(`${address}/api/chats/${id}?erase=1`, { method: 'DELETE' });
  expect(answer.status).toBe(500);
  expect(states()).toHaveLength(1);
  expect(filesWith('zebraerased')).toEqual([]);
  expect(await call('GET', `/api/chats/${kept}`)).toMatchObject({ chat: { id: kept } });
});

test('a restore takes along the states of what was said after its backup, also those in memory', async () => {
  const { name } = await call<{ name: string }>('POST', '/api/backups', {});
  await say('zebraearlier');
  await parts.close();
  await start();
  await say('zebralater');
  expect(states()).not.toEqual([]);
  await call('POST', `/api/backups/${name}/restore`);
  expect(states()).toEqual([]);
  await parts.close();
  expect(states()).toEqual([]);
  await start();
});

test('everything that is erased includes the states of chats that the database does not know', async () => {
  await say('zebraerased');
  await parts.close();
  expect(states()).toHaveLength(1);
  for (const name of readdirSync(home)) if (name.startsWith('corral.db')) rmSync(join(home, name));
  await start();
  expect(await call('POST', '/api/erase', { confirm: 'erase everything' })).toEqual({ chats: 0 });
  expect(states()).toEqual([]);
  expect(filesWith('zebraerased')).toEqual([]);
});

test('a budget of 0 keeps no states: what lies there goes, and erasing deletes it as ever', async () => {
  const id = await say('zebraerased');
  await parts.close();
  const kept = states().map((name) => ({
    path: join(home, 'kv', name),
    bytes: readFileSync(join(home, 'kv', name)),
  }));
  expect(kept).toHaveLength(1);
  await start({ CORRAL_KV_BUDGET: '0' });
  expect(states()).toEqual([]);
  // As where it could not be deleted at the start.
  for (const { path, bytes } of kept) writeFileSync(path, bytes);
  await call('DELETE', `/api/chats/${id}?erase=1`);
  expect(filesWith('zebraerased')).toEqual([]);
  await say('zebralater');
  await parts.close();
  expect(states()).toEqual([]);
  await start();
});

test('a message that is deleted for good is in no file, nor written into one when the server stops', async () => {
  // What waits for a sink stays until that has it, or the chat is erased.
  await parts.close();
  await start({ LOGGING_URL: '' });
  const id = await say('zebrakept');
  await sayIn(id, 'zebrapurged');
  const { messages } = await call<{ messages: { id: string; content: string }[] }>('GET', `/api/chats/${id}`);
  const message = messages.find(({ content }) => content === 'zebrapurged');
  const entry = await call<{ id: string }>('DELETE', `/api/chats/${id}/messages/${message!.id}`);
  await call('DELETE', `/api/trash/${entry.id}`);
  expect(filesWith('zebrapurged')).toEqual([]);
  await parts.close();
  expect(filesWith('zebrapurged')).toEqual([]);
  expect(filesWith('zebrakept')).not.toEqual([]);
  await start();
});

test('a temporary chat never touches the disk', async () => {
  const id = await say('zebraghost', { temporary: true });
  expect(filesWith('zebraghost')).toEqual([]);
  expect(filesWith(id)).toEqual([]);
  await parts.close();
  expect(filesWith('zebraghost')).toEqual([]);
  expect(states()).toEqual([]);
  await start();
});
