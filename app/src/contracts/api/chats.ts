import { z } from 'zod';
import {
  chatMessageSchema,
  chatSchema,
  chatSettingsSchema,
  feedbackSchema,
  idSchema,
  maxFolderCharacters,
  maxMessageCharacters,
  maxSearchCharacters,
  maxTagCharacters,
  maxTitleCharacters,
  searchHitSchema,
  tagsSchema,
  trashEntrySchema,
} from '../chats.ts';
import { tokenLensSchema } from '../lens.ts';
import { contextPlanSchema, runSchema } from '../runs.ts';
import {
  byIdSchema,
  countParameter,
  cursorSchema,
  flagParameter,
  idempotentHeaders,
  route,
  versionedHeaders,
} from './route.ts';
import { runRoutes } from './runs.ts';

const titleSchema = z.string().min(1).max(maxTitleCharacters);
const folderSchema = z.string().min(1).max(maxFolderCharacters).nullable();

/** A chat opened: everything the transcript needs in one answer. */
export const openedChatSchema = z.object({
  chat: chatSchema,
  /** Every message of every branch that is not in the trash; the page walks from `activeLeafId` to the root. */
  messages: z.array(chatMessageSchema),
  /** False: only the end of the shown branch was asked for, and there is more. */
  whole: z.boolean(),
  /** Runs that write into it now; watch them from the length of the text at hand. */
  activeRuns: z.array(runSchema),
  /** What the model saw at the last answer of the shown branch; null before the first. */
  plan: contextPlanSchema.nullable(),
  /** True: finished answers of this chat are sent to the operator's log. */
  logged: z.boolean(),
});
export type OpenedChat = z.infer<typeof openedChatSchema>;

const tag = 'chats';

export const chatRoutes = {
  list: route({
    method: 'GET',
    path: '/api/chats',
    summary: 'Chats, pinned ones first, then newest first; `folder=` (empty) only those in no folder',
    tag,
    status: 200,
    query: z.strictObject({
      cursor: cursorSchema.optional(),
      limit: countParameter(1, 200).optional(),
      folder: z.string().max(maxFolderCharacters).optional(),
      tag: z.string().min(1).max(maxTagCharacters).optional(),
    }),
    response: z.object({
      chats: z.array(chatSchema),
      cursor: z.string().nullable(),
      folders: z.array(z.object({ name: z.string(), chatCount: z.number() })),
      tags: z.array(z.object({ name: z.string(), chatCount: z.number() })),
    }),
  }),
  create: route({
    method: 'POST',
    path: '/api/chats',
    summary: 'Start a chat; a temporary one leaves nothing behind',
    tag,
    status: 201,
    headers: idempotentHeaders,
    body: z.strictObject({
      title: titleSchema.optional(),
      folder: folderSchema.optional(),
      tags: tagsSchema.optional(),
      temporary: z.boolean().optional(),
      settings: chatSettingsSchema.optional(),
    }),
    response: chatSchema,
  }),
  show: route({
    method: 'GET',
    path: '/api/chats/:id',
    summary:
      'A chat with its messages, running answers and what the model saw; `last`: only so many of the shown branch, with their siblings',
    tag,
    status: 200,
    params: byIdSchema,
    query: z.strictObject({ last: countParameter(1, 1_000).optional() }),
    response: openedChatSchema,
  }),
  update: route({
    method: 'PATCH',
    path: '/api/chats/:id',
    summary:
      'Rename, pin, move to a folder, tag, replace settings, show another branch; a stale If-Match is a conflict',
    tag,
    status: 200,
    params: byIdSchema,
    headers: versionedHeaders,
    body: z.strictObject({
      title: titleSchema.optional(),
      pinned: z.boolean().optional(),
      folder: folderSchema.optional(),
      /** All of them; they take the place of what was there. */
      tags: tagsSchema.optional(),
      /** The whole object; what is left out is inherited from then on. */
      settings: chatSettingsSchema.optional(),
      /** The last message of the branch to show. */
      activeLeafId: idSchema.optional(),
    }),
    response: chatSchema,
  }),
  trash: route({
    method: 'DELETE',
    path: '/api/chats/:id',
    summary: 'Move to the trash; `erase=1` removes it everywhere at once and answers null',
    tag,
    status: 200,
    params: byIdSchema,
    headers: versionedHeaders,
    query: z.strictObject({ erase: flagParameter.optional() }),
    response: trashEntrySchema.nullable(),
  }),
  duplicate: route({
    method: 'POST',
    path: '/api/chats/:id/duplicate',
    summary: 'Copy a chat with all its branches, or only the branch up to one message',
    tag,
    status: 201,
    params: byIdSchema,
    headers: idempotentHeaders,
    body: z.strictObject({ upToMessageId: idSchema.optional() }),
    response: chatSchema,
  }),
  clear: route({
    method: 'POST',
    path: '/api/chats/:id/clear',
    summary: 'Its messages go to the trash at once; chat and settings stay',
    tag,
    status: 200,
    params: byIdSchema,
    headers: versionedHeaders,
    response: trashEntrySchema.nullable(),
  }),
  trashed: route({
    method: 'GET',
    path: '/api/trash',
    summary: 'What can be undone: deleted chats, deleted messages, cleared chats',
    tag,
    status: 200,
    query: z.strictObject({ cursor: cursorSchema.optional(), limit: countParameter(1, 200).optional() }),
    response: z.object({ entries: z.array(trashEntrySchema), cursor: z.string().nullable() }),
  }),
  restore: route({
    method: 'POST',
    path: '/api/trash/:id/restore',
    summary: 'Undo one delete or clear',
    tag,
    status: 200,
    params: byIdSchema,
    response: chatSchema,
  }),
  purge: route({
    method: 'DELETE',
    path: '/api/trash/:id',
    summary: 'Remove one entry of the trash for good',
    tag,
    status: 204,
    params: byIdSchema,
  }),
  eraseAll: route({
    method: 'POST',
    path: '/api/erase',
    summary: 'Remove every chat of this person everywhere: rows, index, journal, outbox, states, backups',
    tag,
    status: 200,
    body: z.strictObject({ confirm: z.literal('erase everything') }),
    response: z.object({ chats: z.number() }),
  }),
  search: route({
    method: 'GET',
    path: '/api/search',
    summary: 'Full-text search over all chats, with excerpts in pieces',
    tag,
    status: 200,
    query: z.strictObject({
      q: z.string().min(1).max(maxSearchCharacters),
      limit: countParameter(1, 100).optional(),
    }),
    response: z.object({ hits: z.array(searchHitSchema) }),
  }),
} as const;

const inChatSchema = z.strictObject({ id: idSchema, messageId: idSchema });

export const messageRoutes = {
  edit: route({
    method: 'POST',
    path: '/api/chats/:id/messages/:messageId/edit',
    summary: 'Another wording of a message as its sibling, without asking for an answer; the old one stays',
    tag: 'messages',
    status: 201,
    params: inChatSchema,
    headers: idempotentHeaders,
    body: z.strictObject({ content: z.string().max(maxMessageCharacters) }),
    response: chatMessageSchema,
    bodyLimitBytes: runRoutes.start.bodyLimitBytes,
  }),
  update: route({
    method: 'PATCH',
    path: '/api/chats/:id/messages/:messageId',
    summary: 'Pin a message (it is always kept in the context), or give feedback on an answer',
    tag: 'messages',
    status: 200,
    params: inChatSchema,
    headers: versionedHeaders,
    body: z.strictObject({ pinned: z.boolean().optional(), feedback: feedbackSchema.nullable().optional() }),
    response: chatMessageSchema,
  }),
  tokens: route({
    method: 'GET',
    path: '/api/chats/:id/messages/:messageId/tokens',
    summary:
      'The tokens of an answer, each with its probability and the likeliest others; computed now, not kept',
    tag: 'messages',
    status: 200,
    params: inChatSchema,
    response: tokenLensSchema,
  }),
  trash: route({
    method: 'DELETE',
    path: '/api/chats/:id/messages/:messageId',
    summary: 'Move a message and all that follows it to the trash',
    tag: 'messages',
    status: 200,
    params: inChatSchema,
    headers: versionedHeaders,
    response: trashEntrySchema.nullable(),
  }),
} as const;
