import type { Migration } from './migration.ts';

/** Services that were added in the page; their keys are sealed before they get here. */
export const providersMigration: Migration = {
  version: 3,
  name: 'providers',
  async up(database) {
    await database.schema
      .createTable('provider')
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('url', 'text', (column) => column.notNull())
      .addColumn('sealed_key', 'text')
      .addPrimaryKeyConstraint('provider_key', ['owner', 'name'])
      .execute();
  },
};
