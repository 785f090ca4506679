import { uuidv7 } from 'uuidv7';
import { describe, expect, test } from 'vitest';
import type { RunNotice } from '../run-store.ts';
import type { Receipt } from '../../contracts/runs.ts';
import {
  type ContractParts,
  expectError,
  finish,
  newChat,
  newMessage,
  newRun,
  startOfTime,
  startRun,
} from './parts.contract.ts';

export function runContract({ store, owner }: ContractParts): void {
  const append = (me: string, runId: string, ...[offset, text, epoch = 1]: [number, string, number?]) =>
    store().appendJournal([{ owner: me, runId, epoch, offset, text }]);

  describe('runs', () => {
    test('acceptance writes message, answer and run together and shows the answer', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      expect(run.accepted.repeated).toBe(false);
      expect(run.accepted.chat).toMatchObject({ activeLeafId: run.messageId, updatedAt: startOfTime + 1 });
      const opened = await store().openChat(me, run.chatId);
      expect(opened?.messages.map((message) => [message.role, message.state])).toEqual([
        ['user', 'complete'],
        ['assistant', 'running'],
      ]);
      expect(run.accepted.answers.map((answer) => answer.run)).toMatchObject(opened?.runs ?? []);
      expect((await store().unfinishedRuns()).filter((record) => record.owner === me)).toMatchObject([
        { id: run.runId, phase: 'accepted', epoch: 1, state: { seed: 7 }, engineCrashes: 0, resumedAt: [] },
      ]);
    });

    test('a key is accepted once; the same again gives the same; another request is refused', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const idempotency = { key: 'k', requestHash: 'h' };
      const [one, two] = await Promise.all([
        store().acceptRuns(me, newRun(id, { idempotency })),
        store().acceptRuns(me, newRun(id, { idempotency })),
      ]);
      expect([one.repeated, two.repeated].sort()).toEqual([false, true]);
      expect(one.answers.map((answer) => answer.run.id)).toEqual(two.answers.map((answer) => answer.run.id));
      expect((await store().openChat(me, id))?.messages).toHaveLength(2);
      const other = { key: 'k', requestHash: 'other' };
      await expectError(store().acceptRuns(me, newRun(id, { idempotency: other })), 'idempotency-mismatch');
      const stranger = owner();
      await expectError(store().acceptRuns(stranger, newRun(id, { idempotency })), 'not-found');
      expect(await store().purgeIdempotencyKeys(startOfTime + 2)).toBeGreaterThan(0);
      expect((await store().acceptRuns(me, newRun(id, { idempotency }))).repeated).toBe(false);
    });

    test('a stale parent is refused and nothing is written', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const parent = await store().addMessage(me, { chatId: id, message: newMessage('x') });
      await store().updateMessage(me, { messageId: parent.id, version: 1, change: { pinned: true } });
      const write = newRun(id, { parent: { id: parent.id, version: 1 } });
      await expectError(store().acceptRuns(me, write), 'conflict');
      expect((await store().openChat(me, id))?.messages).toHaveLength(1);
    });

    test('side by side: answers are siblings, the first is shown', async () => {
      const me = owner();
      const { id } = await store().createChat(me, newChat());
      const [base] = newRun(id).answers;
      if (!base) throw new Error('no answer');
      const answers = ['a', 'b', 'c'].map((model) => ({
        ...base,
        runId: uuidv7(),
        target: { kind: 'new' as const, messageId: uuidv7(), model },
      }));
      const accepted = await store().acceptRuns(me, newRun(id, { answers }));
      expect(accepted.answers.map((answer) => answer.message.model)).toEqual(['a', 'b', 'c']);
      expect(new Set(accepted.answers.map((answer) => answer.message.parentId))).toEqual(
        new Set([accepted.userMessage?.id]),
      );
      expect(accepted.chat.activeLeafId).toBe(accepted.answers[0]?.message.id);
      const again = newRun(id, {
        userMessage: undefined as never,
        parent: { id: accepted.userMessage?.id ?? '', version: 1 },
      });
      delete again.userMessage;
      const regenerated = await store().acceptRuns(me, again);
      expect(regenerated.answers[0]?.message.parentId).toBe(accepted.userMessage?.id);
    });

    test('the journal grows only at its end, in its epoch, until the run ends', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      const next = await startRun(store(), me);
      const both = await store().appendJournal([
        { owner: me, runId: run.runId, epoch: 1, offset: 0, text: 'Hello ' },
        { owner: me, runId: next.runId, epoch: 1, offset: 3, text: 'gap' },
        { owner: owner(), runId: next.runId, epoch: 1, offset: 0, text: 'foreign' },
      ]);
      expect(both.refusedRunIds).toEqual([next.runId, next.runId]);
      expect(await append(me, run.runId, 6, 'wor\uD83D')).toEqual({ refusedRunIds: [] });
      expect(await append(me, run.runId, 10, '\uDC4Bld')).toEqual({ refusedRunIds: [] });
      expect(await append(me, run.runId, 0, 'again')).toEqual({ refusedRunIds: [run.runId] });
      expect(await store().readJournal(me, run.runId, 0)).toEqual({
        epoch: 1,
        text: 'Hello wor👋ld',
        durableOffset: 13,
        phase: 'accepted',
      });
      expect((await store().readJournal(me, run.runId, 8))?.text).toBe('r👋ld');
      expect((await store().openChat(me, run.chatId))?.messages[1]?.content).toBe('Hello wor👋ld');
      expect((await store().getMessage(me, run.messageId))?.content).toBe('Hello wor👋ld');
      expect(await store().readJournal(owner(), run.runId, 0)).toBeNull();
    });

    test('the end writes message, receipt, events and jobs together, once', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      await append(me, run.runId, 0, 'Hello');
      const receipt = { runId: run.runId, messageId: run.messageId, note: 'as given' } as unknown as Receipt;
      const events = [{ id: uuidv7(), conversationId: run.chatId, body: '{}', createdAt: startOfTime }];
      const jobs = [{ id: uuidv7(), kind: 'title', payload: {}, createdAt: 1, runAt: 1 }];
      const end = finish(run.runId, { offset: 5, text: ' world' }, { receipt, events, jobs });
      await expectError(store().finishRun(me, { ...end, tail: { offset: 9, text: '' } }), 'conflict');
      expect(await store().finishRun(owner(), end)).toBe(false);
      expect(await store().finishRun(me, { ...end, epoch: 2 })).toBe(false);
      expect(await store().finishRun(me, end)).toBe(true);
      expect(await store().finishRun(me, end)).toBe(false);
      expect(await store().getMessage(me, run.messageId)).toMatchObject({
        content: 'Hello world',
        state: 'complete',
        version: 2,
        outcome: { endReason: 'stop' },
      });
      expect(await store().getReceipt(me, run.runId)).toEqual(receipt);
      expect(await store().listReceipts(me, run.messageId)).toEqual([receipt]);
      expect(await store().getReceipt(owner(), run.runId)).toBeNull();
      expect(await store().listJobs(me, { limit: 5 })).toHaveLength(1);
      expect(await store().readJournal(me, run.runId, 6)).toEqual({
        epoch: 1,
        text: 'world',
        durableOffset: 11,
        phase: 'ended',
      });
      expect(await append(me, run.runId, 11, '!')).toEqual({ refusedRunIds: [run.runId] });
      expect(await store().listRuns(me, { active: true, limit: 5 })).toEqual([]);
      expect(await store().listRuns(me, { active: false, chatId: run.chatId, limit: 5 })).toHaveLength(1);
    });

    test('a run that is taken up again keeps its text; the former epoch can write nothing more', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      await append(me, run.runId, 0, 'Hello');
      const resumed = await store().resumeRun(me, { runId: run.runId, epoch: 1, engineCrashed: true });
      expect(resumed.text).toBe('Hello');
      expect(resumed.run).toMatchObject({ epoch: 2, engineCrashes: 1, resumedAt: [5], durableOffset: 5 });
      await expectError(
        store().resumeRun(me, { runId: run.runId, epoch: 1, engineCrashed: true }),
        'conflict',
      );
      await expectError(store().updateRun(me, { runId: run.runId, epoch: 1, phase: 'queued' }), 'conflict');
      expect(await append(me, run.runId, 5, ' old')).toEqual({ refusedRunIds: [run.runId] });
      expect(await append(me, run.runId, 5, ' new', 2)).toEqual({ refusedRunIds: [] });
      await store().updateRun(me, { runId: run.runId, epoch: 2, phase: 'streaming', state: { seed: 8 } });
      expect(await store().getRun(me, run.runId)).toMatchObject({ phase: 'streaming', state: { seed: 8 } });
      expect(await store().finishRun(me, finish(run.runId, { offset: 9, text: '.' }, { epoch: 2 }))).toBe(
        true,
      );
      expect((await store().getMessage(me, run.messageId))?.content).toBe('Hello new.');
    });

    test('an answer can be continued where it ended', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      await store().finishRun(
        me,
        finish(run.runId, { offset: 0, text: 'One, two' }, { endReason: 'length' }),
      );
      const target = { kind: 'continue' as const, messageId: run.messageId, version: 2 };
      const write = newRun(run.chatId, {
        parent: { id: run.accepted.userMessage?.id ?? '', version: 1 },
        answers: [{ runId: uuidv7(), settings: {}, state: {}, target }],
      });
      delete write.userMessage;
      const stale = {
        ...write,
        answers: write.answers.map((answer) => ({ ...answer, target: { ...target, version: 1 } })),
      };
      await expectError(store().acceptRuns(me, stale), 'conflict');
      const accepted = await store().acceptRuns(me, write);
      const runId = accepted.answers[0]?.run.id ?? '';
      expect(accepted.answers[0]?.run).toMatchObject({
        startOffset: 8,
        durableOffset: 8,
        messageId: run.messageId,
      });
      expect(accepted.answers[0]?.message).toMatchObject({
        state: 'running',
        content: 'One, two',
        outcome: null,
      });
      await append(me, runId, 8, ', three');
      expect((await store().readJournal(me, runId, 3))?.text).toBe(', two, three');
      expect((await store().getMessage(me, run.messageId))?.content).toBe('One, two, three');
      expect(await store().finishRun(me, finish(runId, { offset: 15, text: '!' }))).toBe(true);
      expect((await store().getMessage(me, run.messageId))?.content).toBe('One, two, three!');
    });

    test('what stands below an answer stays in view when that is continued; from elsewhere it is shown to its end', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      const { chatId } = run;
      await store().finishRun(me, finish(run.runId, { offset: 0, text: 'One' }, { endReason: 'length' }));
      const say = (content: string, parentId: string | null) =>
        store().addMessage(me, { chatId, message: newMessage(content, { parentId }) });
      const below = await say('Below', run.messageId);
      const goOn = async (version: number): Promise<string | null> => {
        const target = { kind: 'continue' as const, messageId: run.messageId, version };
        const write = newRun(chatId, { answers: [{ runId: uuidv7(), settings: {}, state: {}, target }] });
        delete write.userMessage;
        const { chat, answers } = await store().acceptRuns(me, write);
        const { id, durableOffset } = answers[0]!.run;
        await store().finishRun(me, finish(id, { offset: durableOffset, text: ', on' }));
        return chat.activeLeafId;
      };
      expect(await goOn(2)).toBe(below.id);
      expect((await store().openChat(me, chatId, { last: 1 }))?.messages).toMatchObject([{ id: below.id }]);
      await say('Elsewhere', null);
      expect(await goOn(4)).toBe(below.id);
    });

    test('a watcher hears the present state first, merged news, and the end last', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      await append(me, run.runId, 0, 'abc');
      const heard: RunNotice[] = [];
      const writeOn = async (): Promise<void> => {
        await store().updateRun(me, { runId: run.runId, epoch: 1, phase: 'streaming' });
        for (let at = 0; at < 20; at++) await append(me, run.runId, 3 + at, 'x');
        await store().finishRun(me, finish(run.runId, { offset: 23, text: '.' }));
      };
      const watching = (async () => {
        for await (const notice of store().watchRun(me, run.runId, new AbortController().signal)) {
          heard.push(notice);
          if (heard.length === 1) void writeOn();
        }
      })();
      await watching;
      expect(heard[0]).toEqual({ runId: run.runId, epoch: 1, durableOffset: 3, phase: 'accepted' });
      expect(heard.at(-1)).toEqual({ runId: run.runId, epoch: 1, durableOffset: 24, phase: 'ended' });
      const offsets = heard.map((notice) => notice.durableOffset);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    });

    test('a watcher of an unknown or foreign run hears nothing; an aborted one stops', async () => {
      const me = owner();
      const run = await startRun(store(), me);
      for await (const notice of store().watchRun(owner(), run.runId, new AbortController().signal))
        expect.unreachable(`a stranger heard ${notice.phase}`);
      const controller = new AbortController();
      for await (const notice of store().watchRun(me, run.runId, controller.signal)) {
        expect(notice.phase).toBe('accepted');
        setTimeout(() => controller.abort(), 5);
      }
      expect(controller.signal.aborted).toBe(true);
    });

    test('50 runs written at once lose nothing', async () => {
      const me = owner();
      const runs = await Promise.all(Array.from({ length: 50 }, () => startRun(store(), me)));
      for (let round = 0; round < 4; round++)
        await store().appendJournal(
          runs.map((run) => ({
            owner: me,
            runId: run.runId,
            epoch: 1,
            offset: round * 4,
            text: `r${round}, `,
          })),
        );
      const ended = await Promise.all(
        runs.map((run) => store().finishRun(me, finish(run.runId, { offset: 16, text: 'end' }))),
      );
      expect(ended.every(Boolean)).toBe(true);
      for (const run of runs.slice(0, 5))
        expect((await store().getMessage(me, run.messageId))?.content).toBe('r0, r1, r2, r3, end');
    });
  });
}
