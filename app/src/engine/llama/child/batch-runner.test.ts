import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { librariesDirectory } from '../../../../test/fixtures/engine-child.ts';
import { writeTinyGguf } from '../../../../test/fixtures/tiny-gguf.ts';
import type { Part } from './batch-plan.ts';
import { BatchRunner } from './batch-runner.ts';
import { openLibraries } from './bindings.ts';
import type { CancelLine } from './cancel-line.ts';
import { NativeContext } from './context.ts';
import { createCounters } from './counters.ts';
import { threadMs } from './libc.ts';
import { createNativeContext, loadModel, silence, type Model } from './model.ts';
import { Sequences } from './sequences.ts';
import type { Task } from './task.ts';
import { ThreadController } from './thread-controller.ts';
import { ThreadPools } from './thread-pools.ts';
import { TokenList } from './token-list.ts';
import { WorkClock } from './work-clock.ts';

/** The real library in this very process; ids go to it unchecked, as only here they may. */
let folder = '';
let model: Model;
let context: NativeContext;
let pools: ThreadPools;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-runner-'));
  const { path } = await writeTinyGguf(folder);
  const library = openLibraries(librariesDirectory());
  silence(library);
  library.loadBackends(librariesDirectory());
  model = await loadModel(library, {
    path,
    gpuLayers: 0,
    onProgress: () => undefined,
    isCancelled: () => false,
  });
  const sizes = { n_ctx: 256, n_batch: 64, n_ubatch: 64, n_seq_max: 4, kv_unified: true };
  const pointer = await createNativeContext(library, model, { ...library.contextDefaults(), ...sizes });
  context = new NativeContext(library, pointer, {
    batch: 64,
    vocabulary: model.vocabulary.size,
    embedding: model.embeddingLength,
  });
  pools = new ThreadPools(library, pointer);
});

afterAll(() => {
  pools.free();
  context.free();
  model.free();
  rmSync(folder, { recursive: true, force: true });
});

/** Only a child has the second pipe; nobody cancels here. */
const cancelLine = {
  arm: () => true,
  disarm: () => undefined,
  enter: () => undefined,
  stepped: () => undefined,
} as unknown as CancelLine;

function setUp(makeRoom: () => boolean = () => false) {
  const sequences = new Sequences(context, () => undefined);
  const outcome = { done: [] as number[], failed: [] as number[], noRoom: 0 };
  const threads = new ThreadController({ maxThreads: 1, use: (count) => pools.use(count) });
  const counters = createCounters();
  const runner = new BatchRunner({
    context,
    sequences,
    canTrim: true,
    cancelLine,
    threads,
    clock: new WorkClock(counters, threadMs),
    counters,
    makeRoom,
    onDone: (part) => void outcome.done.push(part.task.ticket),
    onFailed: (task) => void outcome.failed.push(task.ticket),
    onNoRoom: () => {
      outcome.noRoom++;
      return [];
    },
  });
  const part = (ticket: number, ids: number[]): Part => {
    const sequence = sequences.create({ adapterKey: '', stateKey: null, ephemeral: false });
    sequence.isInUse = true;
    const task = {
      ticket,
      sequence,
      target: new TokenList(ids),
      work: { kind: 'answer' },
    } as unknown as Task;
    return { task, kind: 'prompt', from: 0, count: ids.length, lastIndex: -1 };
  };
  const clear = (): void => {
    for (const sequence of sequences.all()) sequences.drop(sequence);
  };
  return { sequences, outcome, runner, part, clear };
}

describe('BatchRunner', () => {
  it('leaves no thread looking for work soon after a step', async () => {
    const { outcome, runner, part, clear } = setUp();
    pools.use(2);
    runner.run([part(1, [1, 300, 301])]);
    expect(outcome.done).toEqual([1]);
    await setTimeout(40);
    // The best of a few windows: in one of them the rest of this process may be at work.
    let leastMs = Number.POSITIVE_INFINITY;
    for (let window = 0; window < 3; window++) {
      const before = process.cpuUsage();
      await setTimeout(150);
      const { user, system } = process.cpuUsage(before);
      leastMs = Math.min(leastMs, (user + system) / 1000);
    }
    expect(leastMs).toBeLessThan(60);
    pools.use(1);
    clear();
  });

  it('fails only the sequence that the library cannot decode', () => {
    const { outcome, runner, part, clear } = setUp();
    const parts = [part(1, [1, 300, 301]), part(2, [1, 99_999, 3]), part(3, [1, 302])];
    runner.run(parts);
    expect(outcome.failed).toEqual([2]);
    expect(outcome.done).toEqual([1, 3]);
    for (const index of [0, 2]) {
      const { sequence } = parts[index]!.task;
      expect(context.lengthOf(sequence!.id)).toBe(parts[index]!.count);
      expect(sequence!.tokens.length).toBe(parts[index]!.count);
    }
    expect(context.lengthOf(parts[1]!.task.sequence!.id)).toBe(0);
    clear();
  });

  it('asks for room when the cache is full, and goes on once there is some', () => {
    let evicted = 0;
    const fill = Array.from({ length: 60 }, (_, index) => 260 + index);
    const { sequences, outcome, runner, part, clear } = setUp(() => {
      const isFreed = sequences.evictOne(() => true);
      if (isFreed) evicted++;
      return isFreed;
    });
    for (let round = 0; round < 8; round++) {
      const next = part(round, fill);
      runner.run([next]);
      next.task.sequence!.isInUse = false;
    }
    expect(outcome.done).toHaveLength(8);
    expect(evicted).toBeGreaterThan(0);
    clear();
  });

  it('says so when nothing can go', () => {
    const fill = Array.from({ length: 60 }, (_, index) => 260 + index);
    const { outcome, runner, part, clear } = setUp();
    for (let round = 0; round < 6; round++) runner.run([part(round, fill)]);
    expect(outcome.done).toHaveLength(4);
    expect(outcome.noRoom).toBe(2);
    clear();
  });
});
