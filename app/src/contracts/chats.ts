import { z } from 'zod';
import { errorBodySchema } from './error-body.ts';
import { roleSchema } from './messages.ts';
import { endReasons, usageSchema } from './run-parts.ts';
import { samplingSchema } from './sampling.ts';

/**
 * Chats, their messages and their settings as the store keeps them, the API returns them and the page shows them.
 * Times are milliseconds since 1970. Ids are UUIDs made by the server.
 */

export const idSchema = z.uuid();
const timeSchema = z.int().min(0);
/** Raised by one with each write; a write that names an older one is refused with `conflict`. */
const versionSchema = z.int().min(1);

/** A message longer than this is refused; it is far beyond every context, and keeps one row within every limit. */
export const maxMessageCharacters = 4_000_000;
export const maxTitleCharacters = 300;
export const maxFolderCharacters = 120;
export const maxTagCharacters = 60;
export const maxTags = 20;
export const maxSearchCharacters = 400;
export const maxSystemPromptCharacters = 200_000;
/** One message may be sent to this many models, adapters or parameter sets at once. */
export const maxTargets = 4;

export const adapterUseSchema = z.strictObject({
  id: z.string().min(1).max(300),
  scale: z.number().min(-4).max(4),
});

/** Every setting a chat may have. What is missing is inherited; `null` says "none" where that is a choice. */
export const chatSettingsSchema = z.strictObject({
  /** A model reference, as `corral list` prints it. */
  model: z.string().min(1).max(500).optional(),
  adapters: z.array(adapterUseSchema).max(8).optional(),
  systemPrompt: z.string().max(maxSystemPromptCharacters).nullable().optional(),
  /** Name of a built-in prompt format or a Jinja template; null: the model's own. */
  format: z.string().min(1).max(100_000).nullable().optional(),
  contextTokens: z.int().min(64).max(1_048_576).nullable().optional(),
  /** How many past exchanges the model is shown at most; null: as many as fit. */
  rememberExchanges: z.int().min(0).max(10_000).nullable().optional(),
  sampling: samplingSchema.optional(),
});
export type ChatSettings = z.infer<typeof chatSettingsSchema>;

export const settingSources = ['server', 'model', 'preference', 'chat', 'message'] as const;
export type SettingSource = (typeof settingSources)[number];

/** One value as it applies, and who said it. */
export interface ResolvedSetting {
  /** `model`, `systemPrompt`, `sampling.temperature`, … */
  name: string;
  value: unknown;
  source: SettingSource;
}

export const presetSchema = z.strictObject({
  name: z.string().min(1).max(80),
  settings: chatSettingsSchema,
  version: versionSchema,
});
export type Preset = z.infer<typeof presetSchema>;

/** Tags of one chat: without blanks at their ends, each once. */
export const tagsSchema = z
  .array(z.string().trim().min(1).max(maxTagCharacters))
  .max(maxTags)
  .transform((tags) => [...new Set(tags)].sort());

export const chatSchema = z.strictObject({
  id: idSchema,
  title: z.string().max(maxTitleCharacters),
  /** `hand` is never replaced by the model. */
  titleSource: z.enum(['none', 'model', 'hand', 'import']),
  folder: z.string().min(1).max(maxFolderCharacters).nullable(),
  /** In the order of their characters. */
  tags: z.array(z.string().min(1).max(maxTagCharacters)),
  pinned: z.boolean(),
  /** In memory only: no row, journal, receipt or log event. */
  temporary: z.boolean(),
  settings: chatSettingsSchema,
  /** Of title, folder, tags, pin and settings; the tree only grows and needs none. */
  version: versionSchema,
  /** The last message of the branch that is shown. */
  activeLeafId: idSchema.nullable(),
  messageCount: z.int().min(0),
  createdAt: timeSchema,
  /** When something was last said. */
  updatedAt: timeSchema,
  trashedAt: timeSchema.nullable(),
});
export type Chat = z.infer<typeof chatSchema>;

export const feedbackSchema = z.strictObject({
  rating: z.enum(['up', 'down']),
  reason: z.string().max(4000).nullable(),
});
export type Feedback = z.infer<typeof feedbackSchema>;

/** How the last run that wrote an answer went, for the transcript; the receipt has everything. */
export const answerOutcomeSchema = z.strictObject({
  endReason: z.enum(endReasons),
  error: errorBodySchema.nullable(),
  adapters: z.array(adapterUseSchema),
  usage: usageSchema.nullable(),
  firstTokenMs: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  /** How many messages of the branch the model did not see. */
  droppedMessages: z.int().min(0),
  resumed: z.boolean(),
});
export type AnswerOutcome = z.infer<typeof answerOutcomeSchema>;

export const messageStates = ['complete', 'running', 'stopped', 'length', 'failed'] as const;

export const chatMessageSchema = z.strictObject({
  id: idSchema,
  chatId: idSchema,
  /** Null for the first message of the chat (and for its siblings). */
  parentId: idSchema.nullable(),
  role: roleSchema,
  /** While a run writes it: what is durable so far. It only ever grows. */
  content: z.string(),
  state: z.enum(messageStates),
  /** The run that writes it, or wrote it last. */
  runId: idSchema.nullable(),
  /** Reference of the model that wrote it. */
  model: z.string().nullable(),
  /** Of an answer that ended; null while a run writes it, and for messages nobody generated. */
  outcome: answerOutcomeSchema.nullable(),
  /** Always kept in the context. */
  pinned: z.boolean(),
  feedback: feedbackSchema.nullable(),
  /** Of content, state, pin and feedback. */
  version: versionSchema,
  createdAt: timeSchema,
});
export type ChatMessage = z.infer<typeof chatMessageSchema>;

/** Text cut into pieces; `hit` ones matched. Never HTML. */
export const excerptSchema = z.array(z.strictObject({ text: z.string(), hit: z.boolean() }));
export type Excerpt = z.infer<typeof excerptSchema>;

export const searchHitSchema = z.strictObject({
  chatId: idSchema,
  /** Null: the title matched. */
  messageId: idSchema.nullable(),
  title: z.string(),
  excerpt: excerptSchema,
  updatedAt: timeSchema,
});
export type SearchHit = z.infer<typeof searchHitSchema>;

/** One delete or clear, which can be undone until `purgeAt`. */
export const trashEntrySchema = z.strictObject({
  id: idSchema,
  kind: z.enum(['chat', 'messages', 'clear']),
  chatId: idSchema,
  title: z.string(),
  messageCount: z.int().min(0),
  trashedAt: timeSchema,
  purgeAt: timeSchema,
});
export type TrashEntry = z.infer<typeof trashEntrySchema>;
