import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { expectError, newChat, newMessage } from '../contract/parts.contract.ts';
import type { Store } from '../store.ts';
import { createPostgresStore } from './postgres-store.ts';

const home = mkdtempSync(join(tmpdir(), 'corral-pgtrash-'));
let server: PostgresServer;
let store: Store;
/** Somebody else on the same database, who holds up what comes first until the other has come as well. */
let other: Client;
beforeAll(async () => {
  server = await startPostgres();
  const url = await server.url('trash');
  store = await createPostgresStore({ url, home, clock: systemClock, log: silentLog });
  other = new Client({ connectionString: url });
  await other.connect();
});
afterAll(async () => {
  await other?.end();
  await store?.close();
  await server?.stop();
  rmSync(home, { recursive: true });
});

const waiting = (count: number): Promise<void> =>
  vi.waitFor(
    async () => {
      const { rows } = await other.query('select from pg_locks where not granted');
      expect(rows).toHaveLength(count);
    },
    { timeout: 15_000 },
  );

async function trashed(what: 'chat' | 'message') {
  const { id: chatId } = await store.createChat('me', newChat());
  const message = await store.addMessage('me', { chatId, message: newMessage('kept') });
  const trashId = uuidv7();
  const messageId = what === 'message' ? { messageId: message.id } : {};
  await store.trash('me', { trashId, chatId, ...messageId, now: 1, purgeAt: 2 });
  return { chatId, messageId: message.id, trashId };
}

test('a chat that is restored just when its time is up stays', async () => {
  const { chatId, messageId, trashId } = await trashed('chat');
  await other.query('begin');
  await other.query('select from chat where id = $1 for update', [chatId]);
  const restoring = store.restore('me', trashId);
  await waiting(1);
  const purging = store.purgeTrash(2);
  await waiting(2);
  await other.query('commit');
  expect(await restoring).toMatchObject({ id: chatId, trashedAt: null });
  expect(await purging).toEqual({ chatIds: [] });
  expect((await store.openChat('me', chatId))?.messages.map(({ id }) => id)).toEqual([messageId]);
});

test('what is being deleted for good is not restored', async () => {
  const { chatId, messageId, trashId } = await trashed('message');
  await other.query('begin');
  await other.query('select from message where id = $1 for update', [messageId]);
  const purging = store.purgeTrash(2);
  await waiting(1);
  const refused = expectError(store.restore('me', trashId), 'not-found');
  await waiting(2);
  await other.query('commit');
  expect(await purging).toEqual({ chatIds: [chatId] });
  expect((await refused).message).toContain('trash');
  expect((await store.openChat('me', chatId))?.messages).toEqual([]);
});
