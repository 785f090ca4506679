import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { systemClock } from '../src/lib/clock.ts';
import { silentLog } from '../src/lib/log.ts';
import type { ImportedChat } from '../src/store/exchange-store.ts';
import { createSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../src/store/store.ts';
import type { BenchContext } from './bench.ts';
import { quantile, single } from './measure.ts';

const owner = 'bench';
const chatCount = 2000;
const messagesPerChat = 50;
const wordsPerMessage = 70;
const vocabularySize = 20_000;
const samples = 200;

/** The same numbers every time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const random = randomNumbers(7);
const syllables = ['ka', 'lo', 'mi', 'ra', 'ten', 'su', 'vor', 'pel', 'di', 'gan', 'che', 'nor', 'ys', 'bu'];
const vocabulary = Array.from({ length: vocabularySize }, (_, at) => {
  let word = '';
  for (let rest = at + 1; rest > 0; rest = Math.floor(rest / syllables.length))
    word += syllables[rest % syllables.length];
  return word;
});

/** As in a language: few words are everywhere, most are rare. */
function anyWord(): string {
  const rank = Math.floor(vocabularySize ** random()) - 1;
  return vocabulary[Math.max(0, rank)] ?? 'ka';
}

const textOf = (words: number): string => Array.from({ length: words }, anyWord).join(' ');

function chatOf(at: number): ImportedChat {
  const createdAt = 1_700_000_000_000 + at * 60_000;
  const messages = Array.from({ length: messagesPerChat }, (_, place) => ({
    id: uuidv7(),
    parentId: null as string | null,
    role: place % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content: textOf(wordsPerMessage),
    createdAt,
  }));
  for (const [place, message] of messages.entries()) message.parentId = messages[place - 1]?.id ?? null;
  const chat = { id: uuidv7(), title: textOf(4), titleSource: 'import' as const, folder: null, settings: {} };
  return {
    chat: { ...chat, createdAt, updatedAt: createdAt },
    messages,
    activeLeafId: messages.at(-1)?.id ?? null,
    importKey: String(at),
  };
}

async function fill(store: Store): Promise<string[]> {
  const chatIds: string[] = [];
  for (let at = 0; at < chatCount; at += 50) {
    const chats = Array.from({ length: 50 }, (_, place) => chatOf(at + place));
    chatIds.push(...(await store.importChats(owner, chats)).chatIds);
  }
  return chatIds;
}

/** 95th percentile of the time one call takes, as the caller in the server process sees it. */
async function percentile95(call: (at: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < samples; at++) {
    const began = performance.now();
    await call(at);
    times.push(performance.now() - began);
  }
  return quantile(
    times.toSorted((a, b) => a - b),
    0.95,
  );
}

const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;

/** What people type: a rare word, two words, the beginning of one, and now and then a word that is everywhere. */
function anyQuery(at: number): string {
  const rare = vocabulary[500 + Math.floor(random() * 15_000)] ?? '';
  const common = vocabulary[Math.floor(random() * 20)] ?? '';
  return [rare, `${common} ${rare}`, rare.slice(0, 4), `${common} ${vocabulary[30]}`][at % 4] ?? rare;
}

export async function run(context: BenchContext): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'corral-bench-store-'));
  const store = await createSqliteStore({ home, clock: systemClock, log: silentLog });
  try {
    const began = performance.now();
    const chatIds = await fill(store);
    const { sizeBytes } = await store.health();
    context.log(
      `${chatCount * messagesPerChat} messages in ${chatCount} chats: ${Math.round(sizeBytes / 2 ** 20)} MiB, written in ${Math.round((performance.now() - began) / 1000)} s`,
    );
    const note = `${chatCount * messagesPerChat} messages in ${chatCount} chats, SQLite`;
    const cursors: (string | null)[] = [null];
    for (let cursor: string | null = null, pages = 0; pages < 30; pages++) {
      cursor = (await store.listChats(owner, { limit: 50, cursor })).cursor;
      cursors.push(cursor);
    }
    const goals: [string, number, (at: number) => Promise<unknown>][] = [
      [`open a chat of ${messagesPerChat} messages`, 20, () => store.openChat(owner, pick(chatIds))],
      ['list 50 chats', 20, () => store.listChats(owner, { limit: 50, cursor: pick(cursors) })],
      ['search', 60, (at) => store.searchChats(owner, { text: anyQuery(at), limit: 30 })],
    ];
    for (const [name, goalMs, call] of goals)
      context.report(
        await single({
          name: `${name}, p95`,
          unit: 'ms',
          measure: () => percentile95(call),
          goal: `under ${goalMs} ms`,
          isReached: ({ median }) => median < goalMs,
          note,
        }),
      );
  } finally {
    await store.close();
    rmSync(home, { recursive: true });
  }
}
