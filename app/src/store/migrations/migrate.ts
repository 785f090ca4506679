import { type Kysely, sql } from 'kysely';
import { AppError } from '../../contracts/app-error.ts';
import { initialMigration } from './m001-initial.ts';
import { tagsMigration } from './m002-tags.ts';
import { providersMigration } from './m003-providers.ts';
import { outboxSizeMigration } from './m004-outbox-size.ts';
import type { DialectKind, Migration } from './migration.ts';

export const migrations: readonly Migration[] = [
  initialMigration,
  tagsMigration,
  providersMigration,
  outboxSizeMigration,
];

export const schemaVersion = latest(migrations);

function latest(list: readonly Migration[]): number {
  return list.at(-1)?.version ?? 0;
}

/** 0 for an empty database. */
export async function readVersion(database: Kysely<never>, dialect: DialectKind): Promise<number> {
  const known =
    dialect === 'sqlite'
      ? sql<{ found: number }>`select count(*) as found from sqlite_master where name = 'corral_migration'`
      : sql<{ found: number }>`select count(*) as found from pg_tables
          where tablename = 'corral_migration' and schemaname = any (current_schemas(false))`;
  const found = await known.execute(database);
  if (Number(found.rows[0]?.found) === 0) return 0;
  const version = await sql<{
    version: number | null;
  }>`select max(version) as version from corral_migration`.execute(database);
  return version.rows[0]?.version ?? 0;
}

export function refuseNewer(version: number, known = schemaVersion): void {
  if (version <= known) return;
  throw new AppError(
    'store-newer',
    `The database has schema version ${version}, but this version of Corral knows only ${known}.`,
    {
      hint: 'Update Corral, or restore a backup that was made before the newer version ran.',
      details: { version, known },
    },
  );
}

/** Brings an open transaction's database to the newest schema. The caller commits, or rolls all of it back. */
export async function applyMigrations(
  transaction: Kysely<never>,
  dialect: DialectKind,
  list: readonly Migration[] = migrations,
): Promise<number> {
  const version = await readVersion(transaction, dialect);
  refuseNewer(version, latest(list));
  if (version === 0)
    await sql`create table if not exists corral_migration
      (version integer primary key, name text not null, owner text not null)`.execute(transaction);
  for (const migration of list.filter((candidate) => candidate.version > version)) {
    await migration.up(transaction, dialect);
    await sql`insert into corral_migration (version, name, owner)
      values (${migration.version}, ${migration.name}, 'system')`.execute(transaction);
  }
  return latest(list);
}
