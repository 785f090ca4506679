import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createModelPaths } from '../../src/models/registry/model-paths.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createBackups } from '../../src/store/backups.ts';
import { newChat } from '../../src/store/contract/parts.contract.ts';
import { clearPassingFiles } from '../../src/store/passing-files.ts';
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Every place of the program that can delete a whole folder, and which folder that is. */
const deletesFolders: Record<string, string> = {
  'app/src/engine/llama/fetch-libraries.ts': 'the folder of fetched libraries, whose name is a constant',
  'app/src/engine/llama/library-trial.ts': 'a temporary folder of its own',
  'app/src/models/registry/registry.ts': 'paths that model-paths.ts makes from hashes alone',
  'app/src/store/sqlite/scrub-backups.ts': 'one set in `damaged` that mentions what was erased',
  'bin/runtime.mjs': 'the fetched runtime in the clone',
  'bin/test.mjs': 'a temporary folder of its own',
};

test('what deletes whole folders is known, place by place, and none of it can be CORRAL_HOME', () => {
  const sources = ['app/src', 'bin'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter(
        (file) => file.isFile() && /\.(ts|mjs)$/.test(file.name) && !/\.(test|contract)\./.test(file.name),
      )
      .map((file) => relative(root, join(file.parentPath, file.name))),
  );
  expect(sources.length).toBeGreaterThan(200);
  const found = sources.filter((file) =>
    /\b(rm|rmSync|rmdir|rmdirSync)\([^;]*recursive: true/s.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(found.sort()).toEqual(Object.keys(deletesFolders).sort());
  const paths = createModelPaths('/home/models');
  for (const name of ['', '.', '..', '../..', 'a'.repeat(63), `${'a'.repeat(64)}/../..`]) {
    expect(() => paths.blob(name)).toThrow(TypeError);
    expect(() => paths.pull(name)).toThrow(TypeError);
  }
});

test('upkeep that deletes leaves CORRAL_HOME and what it does not know alone', async () => {
  const home = mkdtempSync(join(tmpdir(), 'corral-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const mine = ['mine.txt', 'damaged/mine.txt', 'tmp/mine.txt'];
  for (const folder of ['damaged', 'tmp']) mkdirSync(join(home, folder));
  for (const file of mine) writeFileSync(join(home, file), 'mine');
  const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 4096 });
  let now = Date.UTC(2026, 0, 1);
  const backups = createBackups({
    store,
    folder: join(home, 'backups'),
    temporary: join(home, 'tmp'),
    clock: { now: () => (now += 86_400_000) },
  });
  const { id } = await store.createChat('me', newChat());
  for (let day = 0; day < 9; day++) await backups.daily();
  expect((await backups.list()).length).toBeLessThan(9);
  await store.erase('me', { chatId: id });
  await store.erase('me', { everything: true });
  await store.purgeTrash(Number.MAX_SAFE_INTEGER);
  await store.close();
  clearPassingFiles(join(home, 'tmp'));
  for (const file of [...mine, 'corral.db', 'reserve']) expect(existsSync(join(home, file)), file).toBe(true);
});
