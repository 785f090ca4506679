import type { Kysely } from 'kysely';

export type DialectKind = 'sqlite' | 'postgres';

/**
 * One numbered step of the schema. A step that has shipped is never changed; the next one corrects it. New columns need
 * a default: rows of an older archive come in without them.
 */
export interface Migration {
  version: number;
  name: string;
  up(database: Kysely<never>, dialect: DialectKind): Promise<void>;
}
