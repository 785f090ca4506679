import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openNativeContext, type OpenContext } from '../../../../test/fixtures/native-context.ts';
import { writeTinyGguf } from '../../../../test/fixtures/tiny-gguf.ts';
import { ChatStates } from './chat-states.ts';
import { IdleCells } from './idle-cells.ts';
import { Sequences } from './sequences.ts';
import { StatesAside } from './states-aside.ts';
import { Snapshots } from './snapshots.ts';
import type { Task } from './task.ts';

const chats = ['a', 'b', 'c'];
const promptTokens = 40;

let folder = '';
let native: OpenContext;
let kv = '';
let sequences: Sequences;
let snapshots: Snapshots;
let states: ChatStates;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-states-'));
  const { path } = await writeTinyGguf(folder);
  native = await openNativeContext(path, { cells: 256, sequences: 4 });
});
beforeEach(() => {
  kv = mkdtempSync(join(folder, 'kv-'));
  snapshots = openSnapshots();
  sequences = new Sequences(native.context, (sequence) => void states.save(sequence));
  states = new ChatStates({ context: native.context, sequences, snapshots, isBusy: () => true });
  for (const [index, chat] of chats.entries()) read(chat, index);
});
afterEach(async () => {
  await states.saveAll();
  for (const sequence of sequences.all()) sequences.drop(sequence);
  vi.restoreAllMocks();
});
afterAll(() => {
  native.free();
  rmSync(folder, { recursive: true, force: true });
});

/** One state on its way is as much as the disk takes. */
function openSnapshots(budgetBytes = 1e9): Snapshots {
  return new Snapshots({
    directory: kv,
    budgetBytes,
    basis: 'model',
    maxPendingBytes: 1,
    log: () => undefined,
  });
}

function read(chat: string, index: number): void {
  const { context } = native;
  const sequence = sequences.create({ adapterKey: '', stateKey: chat, ephemeral: false });
  context.startBatch();
  for (let position = 0; position < promptTokens; position++) {
    const id = 260 + ((position * (index + 1)) % 100);
    context.add(id, position, sequence.id, position === promptTokens - 1);
    sequence.tokens.push(id);
  }
  expect(context.decode().status).toBe('done');
}

async function expectAllOnDisk(): Promise<void> {
  await snapshots.settle();
  for (const chat of chats) expect((await openSnapshots().read(chat, ''))?.ids).toHaveLength(promptTokens);
}

describe('states of chats on a disk that is slower than they are large', () => {
  it('are all saved at the end, with one copy in memory at a time', async () => {
    const copied = vi.spyOn(native.context, 'saveState');
    const forgotten = vi.spyOn(native.context, 'forgetState');
    expect(await states.saveAll()).toBe(chats.length);
    await expectAllOnDisk();
    const copies = copied.mock.invocationCallOrder;
    const ends = forgotten.mock.invocationCallOrder;
    expect(copies).toHaveLength(chats.length);
    for (let index = 1; index < copies.length; index++)
      expect(copies[index]).toBeGreaterThan(ends[index - 1]!);
  });

  it('are saved with those first that were used last, which also stay where there is no room for all', async () => {
    const used = ['b', 'c', 'a'];
    for (const chat of used) sequences.touch(sequences.ofChat(chat)[0]!);
    const copied = vi.spyOn(native.context, 'saveState');
    await states.saveAll();
    const ids = used.map((chat) => sequences.ofChat(chat)[0]!.id);
    expect(copied.mock.calls).toEqual(ids.toReversed().map((id) => [id]));
    const fileBytes = statSync(join(kv, readdirSync(kv)[0]!)).size;
    kv = mkdtempSync(join(folder, 'kv-'));
    for (const sequence of sequences.all()) sequence.savedLength = 0;
    const small = openSnapshots(Math.ceil(fileBytes * 2.5));
    const again = new ChatStates({
      context: native.context,
      sequences,
      snapshots: small,
      isBusy: () => true,
    });
    expect(await again.saveAll()).toBe(2);
    expect(await Promise.all(chats.map((chat) => small.keeps(chat)))).toEqual([true, false, true]);
  });

  it.each(['beside somebody who is answered', 'after the last answer'])(
    'leave the cache when the disk can take them, %s',
    async (when) => {
      const idleCells = new IdleCells({
        sequences,
        allowance: 0,
        isAwaited: () => false,
        canKeep: (sequence) => states.canKeep(sequence),
        isDiskBehind: () => snapshots.isBehind,
        onEvict: () => undefined,
      });
      const active = [{ phase: 'generating' } as Task];
      const setAside = (): boolean =>
        when === 'after the last answer' ? idleCells.rest() : idleCells.trim(active);
      while (setAside()) await setImmediate();
      expect(sequences.size).toBe(0);
      await expectAllOnDisk();
    },
  );

  it.each(['beside somebody who is answered', 'after the last answer'])(
    'stay in the cache where nothing can keep them, the last two, %s',
    (when) => {
      const bytes = native.context.stateBytes(sequences.all()[0]!.id);
      const small = new ChatStates({
        context: native.context,
        sequences,
        snapshots: openSnapshots(bytes - 1),
        isBusy: () => true,
      });
      const aside = new StatesAside(native.context, bytes - 1);
      for (const keeper of [small, aside]) {
        const idleCells = new IdleCells({
          sequences,
          allowance: 0,
          isAwaited: () => false,
          canKeep: (sequence) => keeper.canKeep(sequence),
          isDiskBehind: () => false,
          onEvict: () => undefined,
        });
        const active = [{ phase: 'generating' } as Task];
        const setAside = (): boolean =>
          when === 'after the last answer' ? idleCells.rest() : idleCells.trim(active);
        while (setAside()) expect(sequences.size).toBeGreaterThanOrEqual(2);
        expect(sequences.all().map(({ stateKey }) => stateKey)).toEqual(['b', 'c']);
      }
      expect(new StatesAside(native.context, bytes).canKeep(sequences.all()[0]!)).toBe(true);
    },
  );
});
