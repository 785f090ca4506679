import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Snapshots, snapshotPrefix } from './snapshots.ts';
import type { StoredState } from './task.ts';

let directory = '';
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'corral-kv-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function snapshots(more: { budgetBytes?: number; basis?: string } = {}): Snapshots {
  return new Snapshots({ directory, budgetBytes: 1e6, basis: 'model', log: () => undefined, ...more });
}

function stored(size = 1000): StoredState {
  const state = Buffer.alloc(size, 7);
  return {
    ids: Int32Array.of(1, 2, 3),
    state,
    transcript: { prompt: { text: 'hi', marks: [] }, answer: 'yo', ids: Int32Array.of(1) },
  };
}

const onlyFile = (): string => join(directory, readdirSync(directory)[0]!);

describe('Snapshots', () => {
  it('give back what was saved, and keep it to the owner', async () => {
    const one = snapshots();
    expect(await one.save('chat', '', stored())).toBe(true);
    expect(statSync(onlyFile()).mode & 0o777).toBe(0o600);
    const read = await snapshots().read('chat', '');
    expect(Array.from(read?.ids ?? [])).toEqual([1, 2, 3]);
    expect(Buffer.from(read!.state).equals(Buffer.alloc(1000, 7))).toBe(true);
    expect(read?.transcript?.answer).toBe('yo');
  });

  it('refuse a file that was cut anywhere or altered anywhere, and delete it', async () => {
    const one = snapshots();
    await one.save('chat', '', stored());
    const path = onlyFile();
    const whole = readFileSync(path);
    for (const length of [0, 7, 30, 60, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      expect(await one.read('chat', '')).toBeNull();
    }
    for (const at of [0, 9, 14, 30, 60, 200, whole.length - 1]) {
      const altered = Buffer.from(whole);
      altered[at]! ^= 1;
      writeFileSync(path, altered);
      expect(await one.read('chat', '')).toBeNull();
    }
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(4)]));
    expect(await one.read('chat', '')).toBeNull();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('belong to one model, its settings and one set of adapters', async () => {
    await snapshots().save('chat', '', stored());
    expect(await snapshots({ basis: 'other' }).read('chat', '')).toBeNull();
    expect(await snapshots().read('chat', 'lora*1')).toBeNull();
    expect(await snapshots().read('chat', '')).not.toBeNull();
  });

  it('stay within the budget, the least recently used going first', async () => {
    const one = snapshots({ budgetBytes: 4500 });
    for (const [index, chat] of ['a', 'b', 'c'].entries()) {
      await one.save(chat, '', stored());
      const path = join(
        directory,
        readdirSync(directory).find((name) => name.startsWith(snapshotPrefix(chat)))!,
      );
      utimesSync(path, index + 1, index + 1);
    }
    await one.read('a', '');
    await one.save('d', '', stored());
    const kept = await Promise.all(['a', 'b', 'c', 'd'].map((chat) => one.keeps(chat)));
    expect(kept).toEqual([true, false, true, true]);
    expect(await one.save('huge', '', stored(5000))).toBe(false);
  });

  it('forget a chat in every model at once', async () => {
    await snapshots().save('chat', '', stored());
    await snapshots({ basis: 'other' }).save('chat', 'lora', stored());
    await snapshots().save('kept', '', stored());
    await snapshots().drop('chat');
    expect(readdirSync(directory).every((name) => name.startsWith(snapshotPrefix('kept')))).toBe(true);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('forget all chats at once, also those that are on their way to the disk, and touch nothing else', async () => {
    const one = snapshots();
    await one.save('chat', '', stored());
    writeFileSync(`${onlyFile()}.part`, 'half of one');
    writeFileSync(join(directory, 'note.txt'), 'not a state');
    const saving = [one.save('other', '', stored()), one.save('third', '', stored())];
    await one.drop(null);
    expect((await Promise.all(saving)).at(-1)).toBe(false);
    expect(readdirSync(directory)).toEqual(['note.txt']);
  });
});
