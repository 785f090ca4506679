import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** What the bounds of the outbox ask lies in the index: in a row it lies behind the body, and SQLite reads all of that. */
export const outboxSizeMigration: Migration = {
  version: 4,
  name: 'outbox size',
  async up(database) {
    await sql.raw('create index outbox_size on outbox (state, created_at, size_bytes)').execute(database);
  },
};
