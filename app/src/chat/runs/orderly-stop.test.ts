import { describe, expect, test } from 'vitest';
import { message, openChats, readUntil, type OpenedChats } from '../../../test/fixtures/open-chats.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { Run } from '../../contracts/runs.ts';
import type { JournalEntry } from '../../store/run-store.ts';
import type { Store } from '../../store/store.ts';

/** Reads what is shown until there is more than `offset`, then goes on in the background to the end of the stream. */
async function shownBeyond(
  { chats, owner }: OpenedChats,
  run: Run,
  offset: () => number,
): Promise<() => Promise<string>> {
  let shown = '';
  const isBeyond = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const event of chats.watch(owner, run.id, { from: 0, signal: AbortSignal.timeout(20_000) })) {
      if (event.type === 'text') shown = shown.slice(0, event.offset) + event.text;
      if (shown.length > offset()) isBeyond.resolve();
    }
  })();
  await isBeyond.promise;
  return async () => {
    await reading;
    return shown;
  };
}

interface Disk {
  /** How far the journal was written. */
  journaledTo: number;
  isClosing: boolean;
  closing: Promise<void>;
}

/** Stops the server while more is shown than the journal holds; then what was shown, and what the next start finds. */
async function stopped(
  question: string,
  { around, when }: { around: (store: Store, disk: Disk) => Partial<Store>; when?: Promise<void> },
): Promise<{ shown: string; kept: string }> {
  const closing = Promise.withResolvers<void>();
  const disk = { journaledTo: Number.POSITIVE_INFINITY, isClosing: false, closing: closing.promise };
  const first = await openChats({
    script: { tokensPerSecond: 400 },
    around: (store) => ({ ...store, ...around(store, disk) }),
  });
  const { runs } = await first.chats.run(first.owner, (await first.chat()).id, message(question));
  const readToEnd = await shownBeyond(first, runs[0]!, () => disk.journaledTo);
  await when;
  const closed = first.chats.close();
  disk.isClosing = true;
  closing.resolve();
  await closed;
  const shown = await readToEnd();
  await first.close();
  const second = await openChats({ home: first.home });
  const [record] = await second.store.unfinishedRuns();
  const { id: runId, epoch } = record!;
  const { text } = await second.store.resumeRun(second.owner, { runId, epoch, engineCrashed: false });
  await second.remove();
  return { shown, kept: text };
}

const endOf = (entries: readonly JournalEntry[]): number =>
  Math.max(...entries.map(({ offset, text }) => offset + text.length));

describe('a server that is stopped in order takes nothing back of what it showed', () => {
  test('text that came since the last commit', async () => {
    const { shown, kept } = await stopped('/long 4000', {
      // The first commit takes until the server stops; text is shown meanwhile.
      around: (store, disk) => ({
        appendJournal: async (entries) => {
          disk.journaledTo = Math.min(disk.journaledTo, endOf(entries));
          await disk.closing;
          return store.appendJournal(entries);
        },
      }),
    });
    expect(kept.startsWith(shown)).toBe(true);
  });

  test('an answer whose end waited for room on the disk', async () => {
    const refusedEnd = Promise.withResolvers<void>();
    const full = (): AppError => new AppError('disk-full', 'the disk is full');
    const { shown, kept } = await stopped('/long 100', {
      when: refusedEnd.promise,
      around: (store, disk) => ({
        appendJournal: async (entries) => {
          if (!disk.isClosing && Number.isFinite(disk.journaledTo)) throw full();
          disk.journaledTo = endOf(entries);
          return store.appendJournal(entries);
        },
        finishRun: async () => {
          refusedEnd.resolve();
          throw full();
        },
      }),
    });
    expect(kept).toBe(shown);
  });
});

test('an answer that a person stopped just before is not gone on with by the next start', async () => {
  const first = await openChats({ script: { tokensPerSecond: 400 } });
  const { runs } = await first.chats.run(first.owner, (await first.chat()).id, message('/long 4000'));
  await readUntil(first, runs[0]!, (text) => text.length > 10);
  const stopped = first.chats.stop(first.owner, runs[0]!.id);
  await first.chats.close();
  await stopped;
  await first.close();
  const second = await openChats({ home: first.home });
  expect(await second.store.unfinishedRuns()).toEqual([]);
  expect(await second.store.getRun(second.owner, runs[0]!.id)).toMatchObject({ phase: 'ended' });
  await second.remove();
});
