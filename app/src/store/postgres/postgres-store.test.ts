import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Client } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { listBackupFiles } from '../backup-names.ts';
import { allTables } from '../schema.ts';
import { storeContract } from '../store.contract.ts';
import { createPostgresStore } from './postgres-store.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
});

storeContract('postgres', async () => {
  const url = await server.url('contract');
  const home = mkdtempSync(join(tmpdir(), 'corral-pgstore-'));
  const store = await createPostgresStore({ url, home, clock: systemClock, log: silentLog });
  return {
    store,
    backupFolder: join(home, 'backups'),
    // The files are PostgreSQL's own (its log keeps old pages); what counts here is every row of every table.
    async rawBytes() {
      const client = new Client({ connectionString: url });
      await client.connect();
      const tables = [...allTables, 'message_search', 'chat_search'];
      const texts: string[] = [];
      for (const table of tables)
        texts.push(JSON.stringify((await client.query(`select * from ${table}`)).rows));
      await client.end();
      for (const file of listBackupFiles(join(home, 'backups')))
        texts.push(gunzipSync(readFileSync(file.path)).toString());
      return Buffer.from(texts.join('\n'));
    },
    async close() {
      await store.close();
      rmSync(home, { recursive: true });
    },
  };
});
