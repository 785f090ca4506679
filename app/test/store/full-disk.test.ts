import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ownNamespace } from '../fixtures/small-disk.ts';
import { type Acknowledged, parseLedger } from './ledger.ts';

const program = join(import.meta.dirname, 'store-program.ts');

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'corral-disk-'));
});
afterEach(() => rmSync(home, { recursive: true }));

/** Runs shell lines with a tmpfs on $DISK; `store WORK` in them is the writing program. */
function onSmallDisk(script: string): Acknowledged[] {
  const prelude = `set -e
    mount -t tmpfs -o size=24m none "$DISK"
    store() { "$NODE" "$PROGRAM" "$1" "$DISK" "$2"; }`;
  const [unshare, ...words] = ownNamespace;
  const { status, stdout, stderr } = spawnSync(unshare, [...words, 'sh', '-c', `${prelude}\n${script}`], {
    env: { ...process.env, DISK: home, NODE: process.execPath, PROGRAM: program },
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0)
    throw new Error(
      `this test needs a small disk of its own, which \`${ownNamespace.join(' ')}\` with mount gives: allow user namespaces, or run it as root. ${stderr}`,
    );
  return parseLedger(stdout);
}

test('on a full disk: what was acknowledged is there, reading works, an answer ends, deleting makes room', () => {
  const said = onSmallDisk(`store fill`);
  const refused = said.find((line) => line.what === 'refused');
  expect(refused).toMatchObject({ call: 'addMessage', code: 'disk-full' });
  expect(refused?.what === 'refused' && refused.hint).toContain('nothing needs to be restarted');
  const notes = said.flatMap((line) => (line.what === 'note' ? [line.text] : []));
  expect(notes.filter((note) => note !== 'addMessage worked' && !/^(open|work) worked/.test(note))).toEqual([
    'openChat worked',
    'writable false',
    'finishRun worked',
    'erase worked',
    'writable true',
  ]);
  expect(said.filter((line) => line.what === 'refused')).toHaveLength(1);
  expect(said.filter((line) => line.what === 'message').at(-1)).toMatchObject({
    text: 'written after room was made',
  });
});

test('what the ends of answers made free is filled by messages, and deleting still makes room', () => {
  const said = onSmallDisk(`store fill-twice`).filter(
    (line) => line.what !== 'message' && !(line.what === 'note' && line.text === 'addMessage worked'),
  );
  const refusal = { what: 'refused', call: 'addMessage', code: 'disk-full' };
  expect(said).toMatchObject([
    refusal,
    ...Array.from({ length: 3 }, () => ({ text: 'finishRun worked' })),
    refusal,
    refusal,
    { text: 'erase worked' },
    { text: 'work worked' },
    { text: 'open worked' },
  ]);
});

test('a start on a full disk works, and so does going on when there is room again', () => {
  const said = onSmallDisk(`
    store sequence 3
    dd if=/dev/zero of="$DISK/ballast" bs=4k 2>/dev/null || true
    store fill
    rm "$DISK/ballast"
    store sequence 2`);
  const outcomes = said.filter((line) => line.what !== 'message');
  expect(outcomes).toMatchObject([
    { what: 'ready' },
    { text: 'work worked' },
    { text: 'open worked' },
    { what: 'refused', call: 'work', code: 'disk-full' },
    { text: 'open worked' },
    { what: 'ready' },
    { text: 'work worked' },
    { text: 'open worked' },
  ]);
  expect(said.filter((line) => line.what === 'message')).toHaveLength(5);
});

test('in a folder that only reads it says so, and what to do', () => {
  const said = onSmallDisk(`
    store sequence 3
    mount -o remount,ro "$DISK"
    store sequence 1`);
  expect(said.at(-1)).toMatchObject({ what: 'refused', call: 'open', code: 'home-not-writable' });
  expect(JSON.stringify(said.at(-1))).toContain('CORRAL_HOME');
});
