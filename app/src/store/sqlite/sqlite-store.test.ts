import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
