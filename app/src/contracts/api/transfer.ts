import { z } from 'zod';
import { idSchema } from '../chats.ts';
import { byIdSchema, route } from './route.ts';

export const exportFormatSchema = z.enum(['json', 'markdown', 'sharegpt', 'chat_history']);
export type ExportFormat = z.infer<typeof exportFormatSchema>;

/** What to do where a file is none of them. */
export const importableFiles =
  'Give chat_history.json, an export of ChatGPT or Open WebUI, messages of Gradio, or a JSON export of Corral.';

export const importResultSchema = z.object({
  /** What the file was taken for. */
  format: z.enum(['corral', 'chat_history', 'chat_history_pairs', 'chatgpt', 'open_webui']),
  chats: z.number(),
  messages: z.number(),
  chatIds: z.array(z.string()),
  /** Taken in before, and left as they are. */
  passedOver: z.number(),
  skipped: z.array(z.object({ index: z.number(), reason: z.string() })),
});
export type ImportResult = z.infer<typeof importResultSchema>;

const tag = 'transfer';
const formatQuery = z.strictObject({ format: exportFormatSchema.optional() });

export const transferRoutes = {
  import: route({
    method: 'POST',
    path: '/api/import',
    summary:
      'Chats from a file: chat_history.json in both forms, exports of ChatGPT and Open WebUI, messages of Gradio, our own JSON; sent as the body',
    tag,
    status: 201,
    body: z.unknown(),
    response: importResultSchema,
    bodyLimitBytes: 128 * 1024 * 1024,
  }),
  exportAll: route({
    method: 'GET',
    path: '/api/export',
    summary: 'All chats as one file',
    tag,
    status: 200,
    query: formatQuery,
    produces: 'application/octet-stream',
  }),
  exportChat: route({
    method: 'GET',
    path: '/api/chats/:id/export',
    summary: 'One chat as a file',
    tag,
    status: 200,
    params: byIdSchema,
    query: formatQuery,
    produces: 'application/octet-stream',
  }),
  exportMessage: route({
    method: 'GET',
    path: '/api/chats/:id/messages/:messageId/export',
    summary: 'One answer as a file',
    tag,
    status: 200,
    params: z.strictObject({ id: idSchema, messageId: idSchema }),
    query: formatQuery,
    produces: 'application/octet-stream',
  }),
} as const;
