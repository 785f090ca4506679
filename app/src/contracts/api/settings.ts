import { z } from 'zod';
import { chatSettingsSchema, idSchema, presetSchema, settingSources } from '../chats.ts';
import { route, versionedHeaders } from './route.ts';

/** One setting as it will be used, where it comes from, and what it would be if that were taken back. */
export const effectiveSettingSchema = z.object({
  /** `model`, `systemPrompt`, `sampling.temperature`, … */
  name: z.string(),
  value: z.unknown(),
  source: z.enum(settingSources),
  inherited: z.unknown(),
  inheritedFrom: z.enum(settingSources),
  /** False where the model's engine ignores it; null until the model was loaded once. */
  supported: z.boolean().nullable(),
});
export type EffectiveSetting = z.infer<typeof effectiveSettingSchema>;

/** What a person chose for all chats and for the page; keys of the page are its own, bounded. */
export const preferencesSchema = z.strictObject({
  settings: chatSettingsSchema,
  page: z.record(
    z.string().min(1).max(64),
    z.union([z.string().max(4096), z.number(), z.boolean(), z.null()]),
  ),
});
export type Preferences = z.infer<typeof preferencesSchema>;

const versionedPreferencesSchema = preferencesSchema.extend({ version: z.number() });
const byNameSchema = z.strictObject({ name: presetSchema.shape.name });
const tag = 'settings';

export const settingsRoutes = {
  presets: route({
    method: 'GET',
    path: '/api/presets',
    summary: 'Named settings and system prompts',
    tag,
    status: 200,
    response: z.object({ presets: z.array(presetSchema) }),
  }),
  savePreset: route({
    method: 'PUT',
    path: '/api/presets/:name',
    summary: 'Keep settings under a name; If-Match guards against overwriting a newer one',
    tag,
    status: 200,
    params: byNameSchema,
    headers: versionedHeaders,
    body: z.strictObject({ settings: chatSettingsSchema }),
    response: presetSchema,
  }),
  removePreset: route({
    method: 'DELETE',
    path: '/api/presets/:name',
    summary: 'Delete a preset; chats that used it keep their values',
    tag,
    status: 204,
    params: byNameSchema,
  }),
  preferences: route({
    method: 'GET',
    path: '/api/preferences',
    summary: 'What this person chose for all chats and for the page',
    tag,
    status: 200,
    response: versionedPreferencesSchema,
  }),
  savePreferences: route({
    method: 'PUT',
    path: '/api/preferences',
    summary: 'Replace `settings`, `page` or both; a stale If-Match is a conflict',
    tag,
    status: 200,
    headers: versionedHeaders,
    body: preferencesSchema.partial(),
    response: versionedPreferencesSchema,
  }),
  effective: route({
    method: 'GET',
    path: '/api/settings',
    summary: 'Every setting as the next message would use it, with its source',
    tag,
    status: 200,
    query: z.strictObject({ chatId: idSchema.optional(), model: z.string().max(500).optional() }),
    response: z.object({
      settings: z.array(effectiveSettingSchema),
      /** Prompt formats that may be chosen beside the model's own. */
      formats: z.array(z.object({ name: z.string(), title: z.string() })),
      limits: z.object({ maxTargets: z.number(), maxStopStrings: z.number() }),
    }),
  }),
} as const;
