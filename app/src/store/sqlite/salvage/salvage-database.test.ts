import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { beforeExec } from '../../../../test/fixtures/before-exec.ts';
import { systemClock } from '../../../lib/clock.ts';
import { silentLog } from '../../../lib/log.ts';
import { createBackups } from '../../backups.ts';
import { newChat, newMessage, startRun } from '../../contract/parts.contract.ts';
import type { Store } from '../../store.ts';
import { fromSqliteError } from '../sqlite-errors.ts';
import { createSqliteStore } from '../sqlite-store.ts';
import { salvageDatabase } from './salvage-database.ts';

const pageBytes = 4096;
const me = 'me';

let home: string;
let path: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'corral-salvage-'));
  path = join(home, 'corral.db');
});
afterEach(() => rmSync(home, { recursive: true }));

async function session<Result>(use: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 4096 });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Three chats, each one branch of 60 messages of some length. */
async function fill(store: Store): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (let chat = 0; chat < 3; chat++) {
    const { id: chatId } = await store.createChat(me, newChat({ title: `chat ${chat}` }));
    let parentId: string | null = null;
    for (let at = 0; at < 60; at++) {
      const message = newMessage(`word${chat}x${at} `.repeat(40), { parentId });
      await store.addMessage(me, { chatId, message });
      texts.set(message.id, message.content);
      parentId = message.id;
    }
  }
  return texts;
}

/** Leaf pages of a table or an index in the order of its rows; which numbers they have is up to what was freed before. */
function leavesOf(name: string): number[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database
    .prepare("select pageno from dbstat where name = ? and pagetype = 'leaf' order by path")
    .all(name);
  database.close();
  return rows.map((row) => Number(row.pageno));
}

function pageCount(): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare('PRAGMA page_count').get();
  database.close();
  return Number(row?.page_count);
}

/** Bytes of no meaning over some pages; the next start is told to look. */
function damage(pages: readonly number[]): void {
  const bytes = readFileSync(path);
  for (const page of pages) bytes.fill(0xa5, (page - 1) * pageBytes, page * pageBytes);
  writeFileSync(path, bytes);
  writeFileSync(`${path}-check`, '');
}

/** Everything that can be reached the way a page reaches it. */
async function present(store: Store): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const { id } of (await store.listChats(me, { limit: 100 })).items) {
    const { chat, messages } = (await store.openChat(me, id))!;
    const byId = new Map(messages.map((message) => [message.id, message]));
    let reached = 0;
    for (let next = chat.activeLeafId; next !== null; next = byId.get(next)!.parentId) {
      texts.set(next, byId.get(next)!.content);
      reached += 1;
    }
    expect(reached).toBe(messages.length);
  }
  return texts;
}

describe('a damaged database without a backup', () => {
  test('damage in an index costs nothing: every row is read and the index is made anew', async () => {
    const texts = await session(fill);
    damage([...leavesOf('message_chat'), ...leavesOf('message_search_data')]);
    await session(async (store) => {
      expect((await store.health()).notices.join()).toMatch(
        /damaged.*Everything in it could be read: 180 messages in 3 chats.*kept in/s,
      );
      expect(await present(store)).toEqual(texts);
      expect(await store.searchChats(me, { text: 'word1x33', limit: 5 })).toHaveLength(1);
    });
    const [folder = ''] = readdirSync(join(home, 'damaged'));
    expect(readdirSync(join(home, 'damaged', folder))).toContain('corral.db');
  });

  test('damage in the rows costs those rows: all others are there, unchanged, and in their order', async () => {
    const texts = await session(fill);
    const leaves = leavesOf('message');
    damage([leaves[3]!, leaves[4]!, leaves[12]!]);
    const kept = await session(async (store) => {
      expect((await store.health()).notices.join()).toMatch(
        /could be read of it was put.*: \d+ messages in 3 chats\. 2 places/s,
      );
      return present(store);
    });
    const lost = [...texts.keys()].filter((id) => !kept.has(id));
    expect(lost.length).toBeGreaterThan(10);
    expect(lost.length).toBeLessThan(50);
    for (const [id, text] of kept) expect(text).toBe(texts.get(id));
    expect(await session((store) => store.health())).toMatchObject({ notices: [], writable: true });
  });

  test('messages whose chat is lost get a chat to stand in', async () => {
    const texts = await session(fill);
    damage(leavesOf('chat'));
    await session(async (store) => {
      expect(await present(store)).toEqual(texts);
      const { items } = await store.listChats(me, { limit: 10 });
      expect(items.map((chat) => [chat.title, chat.messageCount])).toEqual([
        ['', 60],
        ['', 60],
        ['', 60],
      ]);
    });
  });

  test('an answer that was being written keeps what its journal has of it', async () => {
    const run = await session(async (store) => {
      const started = await startRun(store, me);
      await store.appendJournal([
        { owner: me, runId: started.runId, epoch: 1, offset: 0, text: 'so far ' },
        { owner: me, runId: started.runId, epoch: 1, offset: 7, text: 'so good' },
      ]);
      return started;
    });
    damage(leavesOf('run'));
    await session(async (store) => {
      expect(await store.getMessage(me, run.messageId)).toMatchObject({
        content: 'so far so good',
        state: 'stopped',
      });
      expect(await store.unfinishedRuns()).toEqual([]);
    });
  });

  test('a full disk in the middle of it is no gap in it', async () => {
    await session(async () => undefined);
    const pagesOfNone = pageCount();
    await session(fill);
    beforeExec((statement, exec) => {
      if (statement === 'BEGIN IMMEDIATE') exec(`PRAGMA max_page_count=${pagesOfNone + 10}`);
    });
    const salvaging = salvageDatabase(path, join(home, 'salvaged.db'), () => undefined);
    expect(fromSqliteError(await salvaging.catch((error: unknown) => error))).toMatchObject({
      code: 'disk-full',
    });
  });

  test('a stop in the middle of it is made good by the next start', async () => {
    const texts = await session(fill);
    renameSync(path, `${path}-recovered`);
    await session(async (store) => {
      expect((await store.health()).notices.join()).toContain('replaced');
      expect(await present(store)).toEqual(texts);
    });
    expect(existsSync(`${path}-recovered`)).toBe(false);
  });
});

describe('with a backup', () => {
  test('it gives back what cannot be read, and what is newer than it is not lost', async () => {
    const texts = await session(async (store) => {
      const older = await fill(store);
      const clock = { now: () => Date.parse('2026-01-01') };
      await createBackups({
        store,
        folder: join(home, 'backups'),
        temporary: join(home, 'tmp'),
        clock,
      }).daily();
      return new Map([...older, ...(await fill(store))]);
    });
    damage([...leavesOf('message').slice(2, 5), ...leavesOf('chat')]);
    await session(async (store) => {
      expect((await store.health()).notices.join()).toMatch(/filled up from the backup of 2026-01-01/);
      expect(await present(store)).toEqual(texts);
      const titles = (await store.listChats(me, { limit: 10 })).items.map((chat) => chat.title);
      expect(titles.filter((title) => title !== '').sort()).toEqual(['chat 0', 'chat 1', 'chat 2']);
    });
  });

  test('a database that is gone altogether is not replaced by an empty one in silence', async () => {
    await session(async (store) => {
      await createBackups({
        store,
        folder: join(home, 'backups'),
        temporary: join(home, 'tmp'),
        clock: systemClock,
      }).daily();
    });
    rmSync(path);
    await session(async (store) =>
      expect((await store.health()).notices.join()).toContain(
        'There was no database, though there are backups',
      ),
    );
  });
});
