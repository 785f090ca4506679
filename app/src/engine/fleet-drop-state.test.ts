import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createLlamaWorkplace,
  engineProcesses,
  type LlamaWorkplace,
} from '../../test/fixtures/llama-workplace.ts';
import { writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { silentLog } from '../lib/log.ts';
import { createFleet, type Engines } from './fleet.ts';
import { snapshotPrefix } from './llama/child/snapshots.ts';

/** A real engine with a tiny model, and beside its folder of states that of another loader. */
let place: LlamaWorkplace;
let other: LlamaWorkplace;
let fleet: Engines;

beforeEach(async () => {
  place = await createLlamaWorkplace();
  other = await createLlamaWorkplace();
  const { path, sha256 } = await writeTinyGguf(place.folder);
  fleet = createFleet({
    loaders: [place.loader, other.loader],
    resolve: async (id) => ({ kind: 'file', id, path, sha256, adapters: [] }),
    clock: { now: () => Date.now() },
    log: silentLog,
    idleMs: 0,
  });
  (await fleet.use('tiny')).release();
  for (const { kvFolder } of [place, other]) mkdirSync(kvFolder, { recursive: true });
});
afterEach(async () => {
  await fleet.close();
  await place.close();
  await other.close();
});

const stateOf = (chat: string): string => `${snapshotPrefix(chat)}of-a-model.kv`;

test('an engine that is killed while it should forget a chat leaves no file of it', async () => {
  for (const chat of ['one', 'two']) writeFileSync(join(place.kvFolder, stateOf(chat)), 'what was said');
  const [pid] = engineProcesses();
  process.kill(pid!, 'SIGSTOP');
  const dropping = fleet.dropState('one');
  process.kill(pid!, 'SIGKILL');
  await dropping;
  expect(readdirSync(place.kvFolder)).toEqual([stateOf('two')]);
  await fleet.dropState('two');
  expect(readdirSync(place.kvFolder)).toEqual([]);
});

test('all chats are forgotten at once, whatever engine kept them', async () => {
  for (const chat of ['one', 'two']) writeFileSync(join(place.kvFolder, stateOf(chat)), 'what was said');
  writeFileSync(join(other.kvFolder, stateOf('three')), 'what was said');
  await fleet.dropState(null);
  for (const { kvFolder } of [place, other]) expect(readdirSync(kvFolder)).toEqual([]);
});

test('what one engine cannot delete is told of, and goes wherever else it lies', async () => {
  // A folder is not deleted as a file is.
  mkdirSync(join(place.kvFolder, stateOf('one')));
  writeFileSync(join(other.kvFolder, stateOf('one')), 'what was said');
  await expect(fleet.dropState('one')).rejects.toMatchObject({ code: 'internal' });
  expect(readdirSync(other.kvFolder)).toEqual([]);
  // The engine itself is well.
  expect(fleet.loaded()).toMatchObject([{ state: 'loaded' }]);
});
