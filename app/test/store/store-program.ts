/**
 * A program that writes to the store and says what was acknowledged, for tests that kill it, trace it or take its disk
 * away: `node store-program.ts WORK HOME [COUNT]`.
 */
import { writeSync } from 'node:fs';
import { uuidv7 } from 'uuidv7';
import { toAppError } from '../../src/contracts/app-error.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { finish, newChat, newMessage, newRun } from '../../src/store/contract/parts.contract.ts';
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { Acknowledged } from './ledger.ts';

const owner = 'me';
const streams = 8;
const reserveBytes = 6 * 1024 * 1024;

function say(acknowledged: Acknowledged): void {
  // At once: what is said is out, whatever happens to this process next.
  const line = Buffer.from(`${JSON.stringify(acknowledged)}\n`);
  for (let at = 0; at < line.length;) at += writeSome(line.subarray(at));
}

/** How many bytes the reader took; none while its pipe is full. */
function writeSome(bytes: Buffer): number {
  try {
    return writeSync(1, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return 0;
  }
}

/** One message after another. */
async function writeSequence(store: Store, count: number): Promise<void> {
  const { id: chatId } = await store.createChat(owner, newChat());
  say({ what: 'ready' });
  for (let at = 0; at < count; at++) {
    const message = newMessage(`message ${at}`);
    await store.addMessage(owner, { chatId, message });
    say({ what: 'message', id: message.id, text: message.content });
  }
}

/** Eight answers are streamed while chats are made and renamed, until somebody ends the process. */
async function writeEverything(store: Store): Promise<never> {
  say({ what: 'ready' });
  await Promise.all([...Array.from({ length: streams }, () => stream(store)), edit(store)]);
  throw new Error('the streams never end');
}

async function stream(store: Store): Promise<void> {
  const { id: chatId } = await store.createChat(owner, newChat());
  for (;;) {
    const accepted = await store.acceptRuns(owner, newRun(chatId));
    const { run, message } = accepted.answers[0] ?? {};
    if (!run || !message) throw new Error('no answer');
    say({ what: 'run', id: run.id, messageId: message.id });
    let text = '';
    for (let part = 0; part < 12; part++) {
      const piece = `${part} of ${run.id.slice(-6)} 👋 `;
      const { refusedRunIds } = await store.appendJournal([
        { owner, runId: run.id, epoch: 1, offset: text.length, text: piece },
      ]);
      if (refusedRunIds.length > 0) throw new Error('the journal refused its own run');
      text += piece;
      say({ what: 'journal', runId: run.id, text });
    }
    await store.finishRun(owner, finish(run.id, { offset: text.length, text: 'end' }));
    say({ what: 'finished', runId: run.id, messageId: message.id, text: `${text}end` });
  }
}

async function edit(store: Store): Promise<void> {
  for (;;) {
    const chat = await store.createChat(owner, newChat());
    const title = `renamed ${uuidv7()}`;
    await store.updateChat(owner, { chatId: chat.id, version: 1, change: { title } });
    say({ what: 'chat', id: chat.id, title });
  }
}

/** Writes until the disk is full, then shows what still works. */
async function fillDisk(store: Store): Promise<void> {
  const { id: chatId } = await store.createChat(owner, newChat());
  const run = (await store.acceptRuns(owner, newRun(chatId))).answers[0]?.run.id ?? '';
  const doomed = await store.createChat(owner, newChat());
  await store.addMessage(owner, { chatId: doomed.id, message: newMessage('x'.repeat(1_000_000)) });
  await writeUntilRefused(store, chatId, 2000);
  await attempt('openChat', () => store.openChat(owner, chatId));
  // A small one may find room still, which says nothing about the one that was refused.
  await store.createChat(owner, newChat()).catch(() => undefined);
  say({ what: 'note', text: `writable ${(await store.health()).writable}` });
  await attempt('finishRun', () => store.finishRun(owner, finish(run, { offset: 0, text: 'cut short' })));
  await attempt('erase', () => store.erase(owner, { chatId: doomed.id }));
  const after = newMessage('written after room was made');
  const refusal = await attempt('addMessage', () => store.addMessage(owner, { chatId, message: after }));
  if (!refusal) say({ what: 'message', id: after.id, text: after.content });
  say({ what: 'note', text: `writable ${(await store.health()).writable}` });
}

async function writeUntilRefused(store: Store, chatId: string, words: number): Promise<void> {
  for (;;) {
    const message = newMessage(`${uuidv7()} `.repeat(words));
    const refusal = await attempt('addMessage', () => store.addMessage(owner, { chatId, message }));
    if (refusal) return;
    say({ what: 'message', id: message.id, text: message.content });
  }
}

/** Writes until the disk is full, ends answers, fills what that made free, and deletes. */
async function fillDiskTwice(store: Store): Promise<void> {
  const { id: chatId } = await store.createChat(owner, newChat());
  const runs = [newRun(chatId), newRun(chatId), newRun(chatId)];
  for (const run of runs) await store.acceptRuns(owner, run);
  const doomed = await store.createChat(owner, newChat());
  await store.addMessage(owner, { chatId: doomed.id, message: newMessage('x'.repeat(1_000_000)) });
  await writeUntilRefused(store, chatId, 2000);
  for (const { answers } of runs) {
    const end = finish(answers[0]?.runId ?? '', { offset: 0, text: 'cut short' });
    await attempt('finishRun', () => store.finishRun(owner, end));
  }
  for (const words of [2000, 1]) await writeUntilRefused(store, chatId, words);
  await attempt('erase', () => store.erase(owner, { chatId: doomed.id }));
}

async function attempt(call: string, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    say({ what: 'note', text: `${call} worked` });
    return false;
  } catch (error) {
    const { code, hint } = toAppError(error);
    say({ what: 'refused', call, code, hint: hint ?? null });
    return true;
  }
}

const works: Record<string, (store: Store, count: number) => Promise<void>> = {
  sequence: writeSequence,
  everything: writeEverything,
  fill: fillDisk,
  'fill-twice': fillDiskTwice,
};

const [work = '', home = '', count = '0'] = process.argv.slice(2);
await attempt('open', async () => {
  const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes });
  await attempt('work', async () => works[work]?.(store, Number(count)));
  await store.close();
});
