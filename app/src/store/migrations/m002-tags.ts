import { sql } from 'kysely';
import type { Migration } from './migration.ts';

/** Tags of chats. Rows go with their chat. */
export const tagsMigration: Migration = {
  version: 2,
  name: 'tags',
  async up(database) {
    await database.schema
      .createTable('chat_tag')
      .addColumn('chat_id', 'text', (column) => column.notNull().references('chat.id').onDelete('cascade'))
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('tag', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('chat_tag_key', ['chat_id', 'tag'])
      .execute();
    await sql.raw('create index chat_tag_owner on chat_tag (owner, tag, chat_id)').execute(database);
  },
};
