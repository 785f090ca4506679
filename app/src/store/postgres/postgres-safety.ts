import { type Kysely, sql } from 'kysely';
import { AppError } from '../../contracts/app-error.ts';

/** Settings that a promise of ours rests on, as they are in our session, with the values each may have. */
const required: Record<string, { values: [string, ...string[]]; why: string }> = {
  fsync: { values: ['on'], why: 'a power cut could lose or destroy what was acknowledged' },
  full_page_writes: { values: ['on'], why: 'a power cut could leave torn pages' },
  // We ask for it, but something in between may let no options through.
  synchronous_commit: {
    values: ['on', 'local', 'remote_write', 'remote_apply'],
    why: 'a power cut could lose what was acknowledged',
  },
  server_encoding: { values: ['UTF8'], why: 'text could not be kept as it is' },
};

const minimumVersion = 130_000;

/** Refuses a server that would make our promises untrue. */
export async function requireSafeServer(database: Kysely<never>): Promise<void> {
  const names = sql.join(Object.keys(required));
  const found = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings where name in (${names}, 'server_version_num')`.execute(database);
  const settings = new Map(found.rows.map((row) => [row.name, row.setting]));
  for (const [name, { values, why }] of Object.entries(required)) {
    const actual = settings.get(name);
    if (actual === undefined || !values.includes(actual))
      throw new AppError('store-unsafe', `PostgreSQL runs with ${name}=${actual ?? 'unknown'}: ${why}.`, {
        hint: `Set ${name}=${values[0]} and restart PostgreSQL.`,
      });
  }
  const version = Number(settings.get('server_version_num') ?? 0);
  if (version < minimumVersion)
    throw new AppError('store-unsafe', 'This PostgreSQL is older than version 13.', { hint: 'Update it.' });
}
