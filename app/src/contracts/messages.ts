import { z } from 'zod';

export const roleSchema = z.enum(['system', 'user', 'assistant']);
export type Role = z.infer<typeof roleSchema>;

/** A message as an engine sees it. The tree of a chat (ids, parents, versions) is `chat`'s own. */
export const promptMessageSchema = z.strictObject({ role: roleSchema, content: z.string() });
export type PromptMessage = z.infer<typeof promptMessageSchema>;
