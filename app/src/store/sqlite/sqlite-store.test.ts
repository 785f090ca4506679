import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { locksOn } from '../../../test/fixtures/file-locks.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { storeContract } from '../store.contract.ts';
import { createSqliteStore } from './sqlite-store.ts';

storeContract('sqlite', async () => {
  const home = mkdtempSync(join(tmpdir(), 'corral-store-'));
  const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 65_536 });
  return {
    store,
    backupFolder: join(home, 'backups'),
    async rawBytes() {
      const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((file) =>
        file.isFile(),
      );
      return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))));
    },
    async close() {
      await store.close();
      rmSync(home, { recursive: true });
    },
  };
});

test.each(['.db', '.corral.gz'])(
  'what others may do with the file is still held back after a %s was restored',
  async (end) => {
    const home = mkdtempSync(join(tmpdir(), 'corral-locks-'));
    const store = await createSqliteStore({ home, clock: systemClock, log: silentLog, reserveBytes: 65_536 });
    try {
      const path = join(home, `other${end}`);
      await store.backup(path);
      const held = locksOn(join(home, 'corral.db'));
      expect(held).toBeGreaterThan(0);
      await store.restoreBackup(path);
      expect(locksOn(join(home, 'corral.db'))).toBe(held);
    } finally {
      await store.close();
      rmSync(home, { recursive: true });
    }
  },
);
