import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openNativeContext, type OpenContext } from '../../../../test/fixtures/native-context.ts';
import { readingTask } from '../../../../test/fixtures/reading-task.ts';
import { writeTinyMamba } from '../../../../test/fixtures/tiny-mamba.ts';
import { createCounters } from './counters.ts';
import { PrefixReuse } from './prefix-reuse.ts';
import { releaseSequence } from './release-sequence.ts';
import { Sequences, type Sequence } from './sequences.ts';
import { StatesAside } from './states-aside.ts';
import type { Task } from './task.ts';

/** A model whose memory only goes on has a number for each slot and no more. */
const slots = 4;
/** States that find room beside the cache. */
const roomAside = 6;

let folder = '';
let native: OpenContext;
let stateBytes = 0;
let sequences: Sequences;
let prefixes: PrefixReuse;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-prefixes-'));
  const { path } = await writeTinyMamba(folder);
  native = await openNativeContext(path, { cells: 256, sequences: slots });
  stateBytes = bytesOfOne();
});
beforeEach(setUp);
afterEach(() => {
  for (const sequence of sequences.all()) sequences.drop(sequence);
});
afterAll(() => {
  native.free();
  rmSync(folder, { recursive: true, force: true });
});

function setUp(): void {
  const { context } = native;
  const aside = new StatesAside(context, roomAside * stateBytes);
  sequences = new Sequences(context, (sequence) => aside.put(sequence), slots);
  prefixes = new PrefixReuse({
    context,
    sequences,
    counters: createCounters(),
    aside,
    canTrim: false,
    kvTokens: 256,
    makeRoom: () => sequences.evictOne(() => true),
  });
}

/** The memory that a state lies in; all states of such a model are of one size. */
function bytesOfOne(): number {
  const { context } = native;
  const number = 1;
  context.startBatch();
  context.add(260, 0, number, true);
  expect(context.decode().status).toBe('done');
  const state = context.saveState(number);
  context.forgetState(state);
  context.truncate(number, 0);
  return state.buffer.byteLength;
}

const promptOf = (chat: number, length = 40): number[] =>
  Array.from({ length }, (_, index) => 260 + ((chat * 11 + index * (chat + 1)) % 100));

/** Reads what is left of a task that has been started. */
function read(task: Task): Sequence {
  const { context } = native;
  const sequence = task.sequence!;
  context.startBatch();
  for (let position = sequence.tokens.length; position < task.target.length; position++)
    context.add(task.target.at(position), position, sequence.id, position === task.target.length - 1);
  expect(context.decode().status).toBe('done');
  sequence.tokens.append(task.target.view().subarray(sequence.tokens.length));
  return sequence;
}

function bytesOf(sequence: Sequence): Buffer {
  const state = native.context.saveState(sequence.id);
  const bytes = Buffer.from(state);
  native.context.forgetState(state);
  return bytes;
}

describe('states of a model whose memory cannot be cut', () => {
  it('are gone on with by their own chat, however many others had to leave for its sake', () => {
    const chats = slots + roomAside;
    const states: Buffer[] = [];
    for (let chat = 0; chat < chats; chat++) {
      const task = readingTask(promptOf(chat));
      prefixes.start(task, [task]);
      states.push(bytesOf(read(task)));
      releaseSequence(task, { sequences, vocabulary: native.model.vocabulary }, true);
    }
    // The one that was set aside first goes on, again and again: for each of them another has to be set aside.
    for (let chat = 0; chat < chats; chat++) {
      const task = readingTask(promptOf(chat, 50));
      prefixes.start(task, [task]);
      expect(task.cachedTokens).toBe(40);
      expect(bytesOf(task.sequence!).equals(states[chat]!)).toBe(true);
      read(task);
      releaseSequence(task, { sequences, vocabulary: native.model.vocabulary }, true);
    }
  });

  it('are copied for another chat without room for one more, and kept for their own', () => {
    const own = readingTask(promptOf(0), { stateKey: 'own' });
    prefixes.start(own, [own]);
    const state = bytesOf(read(own));
    releaseSequence(own, { sequences, vocabulary: native.model.vocabulary }, true);
    const running = Array.from({ length: slots - 1 }, (_, index) =>
      readingTask(promptOf(index + 1), { stateKey: `${index}` }),
    );
    for (const task of running) {
      prefixes.start(task, running);
      read(task);
    }
    const other = readingTask(promptOf(0, 50), { stateKey: 'other' });
    prefixes.start(other, [...running, other]);
    expect(other.cachedTokens).toBe(40);
    expect(bytesOf(other.sequence!).equals(state)).toBe(true);
    expect(sequences.ofChat('own')).toEqual([]);
    for (const task of running) expect(task.sequence!.tokens.length).toBe(40);

    releaseSequence(running[0]!, { sequences, vocabulary: native.model.vocabulary }, true);
    const again = readingTask(promptOf(0, 45), { stateKey: 'own' });
    prefixes.start(again, [...running.slice(1), other, again]);
    expect(again.cachedTokens).toBe(40);
    expect(bytesOf(again.sequence!).equals(state)).toBe(true);
  });
});
