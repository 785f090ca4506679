import { type Kysely, sql } from 'kysely';
import { AppError } from '../../contracts/app-error.ts';

/** Settings that a promise of ours rests on, with the value each must have. */
const required: Record<string, { value: string; why: string }> = {
  fsync: { value: 'on', why: 'a power cut could lose or destroy what was acknowledged' },
  full_page_writes: { value: 'on', why: 'a power cut could leave torn pages' },
  server_encoding: { value: 'UTF8', why: 'text could not be kept as it is' },
};

const minimumVersion = 130_000;

/** Refuses a server that would make our promises untrue. */
export async function requireSafeServer(database: Kysely<never>): Promise<void> {
  const names = sql.join(Object.keys(required));
  const found = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings where name in (${names}, 'server_version_num')`.execute(database);
  const settings = new Map(found.rows.map((row) => [row.name, row.setting]));
  for (const [name, { value, why }] of Object.entries(required)) {
    const actual = settings.get(name);
    if (actual !== value)
      throw new AppError('store-unsafe', `PostgreSQL runs with ${name}=${actual ?? 'unknown'}: ${why}.`, {
        hint: `Set ${name}=${value} and restart PostgreSQL.`,
      });
  }
  const version = Number(settings.get('server_version_num') ?? 0);
  if (version < minimumVersion)
    throw new AppError('store-unsafe', 'This PostgreSQL is older than version 13.', { hint: 'Update it.' });
}
