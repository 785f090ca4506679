/**
 * A process of real chats over a real SQLite file, made to be killed. It sends, edits, branches and streams in eight
 * chats at once, and prints one JSON line for whatever a client has been told: what is acknowledged, and what is shown.
 */
import { writeSync } from 'node:fs';
import { toAppError } from '../../src/contracts/app-error.ts';
import { openChats } from '../fixtures/open-chats.ts';
import type { RunEvent } from '../../src/contracts/runs.ts';

export type DriverLine =
  | { told: 'ready'; resumedRuns: number }
  | { told: 'chat'; chatId: string }
  /** The 202: this message is on disk. */
  | {
      told: 'accepted';
      chatId: string;
      messageId: string | null;
      content: string | null;
      runs: { runId: string; messageId: string }[];
    }
  | { told: 'event'; messageId: string; event: RunEvent }
  | { told: 'pinned'; messageId: string }
  | { told: 'settled' };

const [home = '', mode = 'work', seedText = '1'] = process.argv.slice(2);
let state = Number(seedText) >>> 0 || 1;

/** The same numbers for the same seed. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

/** Straight to the pipe: what a client was told must not wait in this process when it is killed. */
function tell(line: DriverLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

const opened = await openChats({
  home,
  script: { tokensPerSecond: mode === 'work' ? 120 : 5000, slots: 16 },
});
const { chats, owner } = opened;

async function follow(runId: string, messageId: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  for await (const event of chats.watch(owner, runId, { from: 0, signal }))
    tell({ told: 'event', messageId, event });
}

async function followAll(): Promise<void> {
  const runs = await chats.listRuns(owner, { active: true, limit: 1000 });
  await Promise.all(runs.map((run) => follow(run.id, run.messageId)));
}

async function send(chatId: string, serial: number): Promise<void> {
  const content = `nonce ${seedText}-${serial}-${Math.floor(random() * 1e9)} /long ${10 + Math.floor(random() * 40)}`;
  const opened = await chats.open(owner, chatId);
  const questions = opened.messages.filter((message) => message.role === 'user');
  const question = questions[Math.floor(random() * questions.length)];
  const dice = random();
  const input =
    question && dice < 0.25
      ? { kind: 'edit' as const, messageId: question.id, content }
      : question && dice < 0.4
        ? { kind: 'regenerate' as const, messageId: question.id }
        : { kind: 'message' as const, content };
  const key = `${seedText}-${serial}`;
  const started = await chats.run(owner, chatId, { input }, { idempotencyKey: key });
  tell({
    told: 'accepted',
    chatId,
    messageId: started.userMessage?.id ?? null,
    content: started.userMessage?.content ?? null,
    runs: started.runs.map((run) => ({ runId: run.id, messageId: run.messageId })),
  });
  const following = started.runs.map((run) => follow(run.id, run.messageId));
  if (random() < 0.15) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await Promise.all(started.runs.map((run) => chats.stop(owner, run.id)));
  }
  if (question && random() < 0.3) {
    await chats.updateMessage(owner, chatId, { messageId: question.id, change: { pinned: true } });
    tell({ told: 'pinned', messageId: question.id });
  }
  await Promise.all(following);
}

async function work(chatId: string): Promise<never> {
  for (let serial = Math.floor(random() * 1e6); ; serial++) {
    try {
      await send(chatId, serial);
    } catch (error) {
      // An answer that was taken up again is still being written there; a person waits too.
      if (toAppError(error).code !== 'conflict') throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const { resumedRuns } = await chats.start();
tell({ told: 'ready', resumedRuns });
if (mode === 'settle') {
  await followAll();
  tell({ told: 'settled' });
  await opened.close();
} else {
  const known = (await chats.list(owner, { limit: 8 })).items.map((chat) => chat.id);
  while (known.length < 8) {
    const { id } = await opened.chat();
    tell({ told: 'chat', chatId: id });
    known.push(id);
  }
  await Promise.all([followAll(), ...known.map(work)]);
}
