import { describe, expect, test, vi } from 'vitest';
import { message, openChats, opensChats, watchToEnd } from '../../../test/fixtures/open-chats.ts';
import { startServer, type Answer } from '../../../test/fixtures/running-server.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { Run } from '../../contracts/runs.ts';
import type { Script } from '../../engine/scripted/script.ts';
import type { RunRecord } from '../../store/run-store.ts';

const { open, last } = opensChats();

/** Runs in a home that a server has left, each in a chat of its own. */
async function leftBehind(count: number): Promise<{ home: string; runs: Run[] }> {
  const first = await openChats({ script: { loadMs: 60_000 } });
  const runs: Run[] = [];
  for (let made = 0; made < count; made++)
    runs.push(...(await first.chats.run(first.owner, (await first.chat()).id, message('left'))).runs);
  await first.close();
  return { home: first.home, runs };
}

describe('a start', () => {
  test('gives up a run that was found again and again where it had been', async () => {
    const { home, runs } = await leftBehind(1);
    const { chats, owner, store } = await open({ home, script: { loadMs: 60_000 } });
    const [run] = runs;
    for (let epoch = 1; epoch <= 8; epoch++)
      await store.resumeRun(owner, { runId: run!.id, epoch, engineCrashed: false });
    expect(await chats.start()).toEqual({ resumedRuns: 0 });
    const { end } = await watchToEnd(chats, owner, run!);
    expect(end).toMatchObject({ reason: 'interrupted', error: { code: 'engine-crashed' } });
    expect((await chats.open(owner, run!.chatId)).messages[1]?.state).toBe('failed');
  });

  test('passes over a run that is erased or taken by another while it is at work', async () => {
    const { home, runs } = await leftBehind(3);
    const meddle = async ([erased, taken]: RunRecord[]): Promise<void> => {
      const { owner, store } = last();
      await store.erase(owner, { chatId: erased!.chatId });
      await store.resumeRun(owner, { runId: taken!.id, epoch: taken!.epoch, engineCrashed: false });
    };
    const { chats, owner } = await open({
      home,
      around: (store) => ({
        ...store,
        unfinishedRuns: async () => {
          const left = await store.unfinishedRuns();
          await meddle(left);
          return left;
        },
      }),
    });
    expect(await chats.start()).toEqual({ resumedRuns: 1 });
    expect((await watchToEnd(chats, owner, runs[2]!)).end).toMatchObject({ reason: 'stop', resumed: true });
  });

  test('leaves alone what this process works at', async () => {
    const { chats, owner, chat } = await open({ script: { tokensPerSecond: 200 } });
    const { runs } = await chats.run(owner, (await chat()).id, message('/long 60'));
    expect(await chats.start()).toEqual({ resumedRuns: 0 });
    expect((await watchToEnd(chats, owner, runs[0]!)).end).toMatchObject({ reason: 'stop', resumed: false });
  });
});

describe('a database whose answer gets lost after it has written', () => {
  const lost = (): AppError => new AppError('store-unavailable', 'the connection was lost');

  test('a message that comes again is answered, though its first acceptance was never heard of', async () => {
    let isAway = true;
    const { chats, owner, chat } = await open({
      around: (store) => ({
        ...store,
        acceptRuns: async (who, write) => {
          const accepted = await store.acceptRuns(who, write);
          if (isAway) throw lost();
          return accepted;
        },
        acceptedBefore: async (who, idempotency) => {
          const before = await store.acceptedBefore(who, idempotency);
          if (before && isAway) throw lost();
          return before;
        },
      }),
    });
    const { id } = await chat();
    const key = { idempotencyKey: 'once' };
    await expect(chats.run(owner, id, message('hello'), key)).rejects.toMatchObject({
      code: 'store-unavailable',
    });
    isAway = false;
    const both = await Promise.all([1, 2].map(() => chats.run(owner, id, message('hello'), key)));
    expect(both.map(({ repeated }) => repeated)).toEqual([true, true]);
    expect((await watchToEnd(chats, owner, both[0]!.runs[0]!)).end.reason).toBe('stop');
    expect((await chats.open(owner, id)).messages).toHaveLength(2);
    expect((await chats.getRun(owner, both[0]!.runs[0]!.id)).epoch).toBe(2);
  });

  test('a message begins with its acceptance: nothing is asked of the database in between', async () => {
    const { chats, owner, chat } = await open({
      around: (store) => ({ ...store, getRun: () => Promise.reject(lost()) }),
    });
    const { runs } = await chats.run(owner, (await chat()).id, message('hello'));
    expect((await watchToEnd(chats, owner, runs[0]!)).end.reason).toBe('stop');
  });

  test.each([40, 150])('costs an answer of %i words nothing', async (words) => {
    let losses = 0;
    const { chats, owner, chat } = await open({
      script: { tokensPerSecond: 150 },
      around: (store) => ({
        ...store,
        appendJournal: async (entries) => {
          const appended = await store.appendJournal(entries);
          if (++losses === 1) throw lost();
          return appended;
        },
      }),
    });
    const { id } = await chat();
    const { runs } = await chats.run(owner, id, message(`/long ${words}`));
    const { text, end } = await watchToEnd(chats, owner, runs[0]!);
    expect(end).toMatchObject({ reason: 'stop', resumed: false });
    expect((await chats.open(owner, id)).messages[1]).toMatchObject({ content: text, state: 'complete' });
  });

  test.each([true, false])(
    'an answer whose engine went away goes on where the run was taken up here (%o), and only there',
    async (isTakenUpHere) => {
      let crashes = 0;
      let losses = 0;
      const { chats, owner, chat } = await open({
        script: {
          tokensPerSecond: 200,
          mishap: () => (crashes++ === 0 ? { kind: 'crash', afterTokens: 10 } : null),
        },
        around: (store) => ({
          ...store,
          resumeRun: async (who, write) => {
            if (++losses > 1) return store.resumeRun(who, write);
            await store.resumeRun(who, { ...write, engineCrashed: isTakenUpHere });
            throw lost();
          },
        }),
      });
      const { promise: left, resolve } = Promise.withResolvers<void>();
      chats.onChange((notice) => {
        if (notice.type === 'run-changed' && notice.state === 'ended') resolve();
      });
      const { id } = await chat();
      const { runs } = await chats.run(owner, id, message('/long 40'));
      await left;
      expect((await chats.open(owner, id)).messages[1]?.state).toBe(isTakenUpHere ? 'complete' : 'running');
      expect(await chats.getRun(owner, runs[0]!.id)).toMatchObject({ epoch: 2 });
    },
  );
});

describe('a backup that was made while answers were written', () => {
  test('is restored with them: they go on from there', async () => {
    let isHeld = true;
    const script: Script = {
      tokensPerSecond: 5,
      mishap: (_request, question) =>
        isHeld && question === '/long 150' ? { kind: 'hang', afterTokens: 2 } : null,
    };
    const running = await startServer({ script });
    const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
      running.call(method, path, body);
    const begin = async (content: string): Promise<{ chatId: string; runId: string }> => {
      const chatId = String((await call('POST', '/api/chats', {})).body['id']);
      const { body } = await call('POST', `/api/chats/${chatId}/runs`, message(content));
      const runId = String(body['runId']);
      await vi.waitUntil(async () => (await running.store.readJournal('owner', runId, 0))?.text, {
        timeout: 20_000,
      });
      return { chatId, runId };
    };
    const ended = await begin('/long 60');
    const active = await begin('/long 150');
    const { body: backup } = await call('POST', '/api/backups');
    script.tokensPerSecond = 150;
    await call('GET', `/api/runs/${ended.runId}/events`);
    const later = await begin('/long 150');
    isHeld = false;
    expect(await call('POST', `/api/backups/${String(backup['name'])}/restore`)).toMatchObject({
      status: 200,
    });
    expect((await call('GET', `/api/chats/${later.chatId}`)).status).toBe(404);
    for (const { chatId, runId } of [ended, active]) {
      await call('GET', `/api/runs/${runId}/events`);
      const { body } = await call('GET', `/api/chats/${chatId}`);
      const messages = body['messages'] as { state: string; outcome: unknown }[];
      expect(messages[1]).toMatchObject({ state: 'complete', outcome: { resumed: true } });
    }
    expect(await running.chats.listRuns('owner', { active: true, limit: 5 })).toEqual([]);
    await running.close();
  });
});
