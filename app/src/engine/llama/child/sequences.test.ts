import * as fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNativeContext, type OpenContext } from '../../../../test/fixtures/native-context.ts';
import { writeTinyGguf } from '../../../../test/fixtures/tiny-gguf.ts';
import { Sequences, type Sequence } from './sequences.ts';

let folder = '';
let native: OpenContext;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-sequences-'));
  const { path } = await writeTinyGguf(folder);
  native = await openNativeContext(path, { cells: 256, sequences: 4 });
});
afterAll(() => {
  native.free();
  rmSync(folder, { recursive: true, force: true });
});

const nobodys = { adapterKey: '', stateKey: null, ephemeral: false };
const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

describe('cells of the cache', () => {
  it('count once while several sequences hold them, and until the last of these goes', () => {
    const sequences = new Sequences(native.context, () => undefined);
    const first = sequences.create(nobodys);
    first.tokens.append(range(7000));
    const copies = [6900, 6000].map((length) => {
      const copy = sequences.branch(first, length, nobodys);
      copy.tokens.append(range(100));
      return copy;
    });
    expect(sequences.cells()).toBe(7200);
    sequences.drop(first);
    expect(sequences.cells()).toBe(7100);
    sequences.drop(copies[0]!);
    expect(sequences.cells()).toBe(6100);
    sequences.drop(copies[1]!);
    expect(sequences.cells()).toBe(0);
  });

  it('are as many as there are, whoever is copied, cut, gone on with and dropped', () => {
    const step = fc.record({
      what: fc.constantFrom('create', 'grow', 'copy', 'cut', 'drop'),
      who: fc.nat(20),
      length: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const sequences = new Sequences(native.context, () => undefined);
        // Each token is named by the cell that it was put into.
        const held = new Map<Sequence, number[]>();
        let cells = 0;
        for (const { what, who, length } of steps) {
          const all = sequences.all();
          const one = all[who % Math.max(1, all.length)];
          if (what === 'create' || one === undefined) {
            held.set(sequences.create(nobodys), []);
          } else if (what === 'grow') {
            const added = range(length).map(() => ++cells);
            one.tokens.append(added);
            held.set(one, [...held.get(one)!, ...added]);
          } else if (what === 'copy') {
            const own = held.get(one)!.slice(0, length);
            held.set(sequences.branch(one, own.length, nobodys), own);
          } else if (what === 'cut') {
            sequences.truncate(one, length);
            held.set(one, held.get(one)!.slice(0, length));
          } else {
            sequences.drop(one);
            held.delete(one);
          }
          expect(sequences.cells()).toBe(new Set([...held.values()].flat()).size);
        }
        for (const sequence of sequences.all()) sequences.drop(sequence);
      }),
    );
  });
});
