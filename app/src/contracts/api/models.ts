import { z } from 'zod';
import {
  adapterRecordSchema,
  catalogueEntrySchema,
  fitSchema,
  modelDetailsSchema,
  modelRecordSchema,
  preflightSchema,
  quantisationSchema,
} from '../models.ts';
import { jobSchema } from './jobs.ts';
import { errorBodySchema, route } from './route.ts';

/** A reference as a person writes it; `models/reference.ts` is what understands it. */
const modelReferenceSchema = z.string().min(1).max(512);
const byModelSchema = z.strictObject({ model: modelReferenceSchema });

export const modelStates = ['unloaded', 'loading', 'loaded'] as const;

/** A model that can be chosen now. */
export const listedModelSchema = z.object({
  /** What to send as `model` of a chat or a run. */
  id: z.string(),
  kind: z.enum(['local', 'remote']),
  /** Name of the provider that answers; null for a local one. */
  provider: z.string().nullable(),
  bundled: z.boolean(),
  state: z.enum(modelStates),
  /** From 0 to 1 while it loads. */
  loadProgress: z.number().nullable(),
  /** What people should know of its chat template, which is tried when it is loaded; empty before. */
  templateFaults: z.array(z.string()),
  /** Null for a remote one. */
  record: modelRecordSchema.nullable(),
  /** Ids of adapters kept beside it, to be switched on with a scale. */
  adapters: z.array(z.string()),
});
export type ListedModel = z.infer<typeof listedModelSchema>;

/** What the engine says of a model that is loaded. */
export const loadedModelSchema = z.object({
  contextTokens: z.number(),
  engineRelease: z.string(),
  device: z.string(),
  template: z.object({
    source: z.enum(['file', 'family', 'chosen', 'service']),
    name: z.string(),
    hash: z.string(),
    findings: z.array(z.object({ code: z.string(), message: z.string() })),
  }),
  memory: z.object({ residentBytes: z.number(), kvBytes: z.number() }).nullable(),
  /** Names of sampling settings that have an effect; the page marks the others. */
  supportedSampling: z.array(z.string()),
  exactCounts: z.boolean(),
  continueAnswer: z.boolean(),
});

export const shownModelSchema = listedModelSchema.extend({
  /** What its file says; null for a remote one. The path is left out. */
  details: modelDetailsSchema.omit({ path: true }).nullable(),
  loaded: loadedModelSchema.nullable(),
  /** Why it could not be loaded the last time. */
  error: errorBodySchema.nullable(),
});
export type ShownModel = z.infer<typeof shownModelSchema>;

export const judgedEntrySchema = catalogueEntrySchema.extend({
  /** For this machine, by its size. */
  fit: fitSchema,
  expectedTokensPerSecond: z.number().nullable(),
  /** Already on this machine. */
  here: z.boolean(),
});
export type JudgedEntry = z.infer<typeof judgedEntrySchema>;

const tag = 'models';

export const modelRoutes = {
  list: route({
    method: 'GET',
    path: '/api/models',
    summary: 'Models that can be used now, local and of providers',
    tag,
    status: 200,
    query: z.strictObject({ provider: z.string().max(64).optional() }),
    response: z.object({
      models: z.array(listedModelSchema),
      /** The id of the one that a new chat asks. */
      defaultModel: z.string(),
    }),
  }),
  show: route({
    method: 'GET',
    path: '/api/models/:model',
    summary: 'Everything known about one model; the id is percent-encoded',
    tag,
    status: 200,
    params: byModelSchema,
    response: shownModelSchema,
  }),
  load: route({
    method: 'POST',
    path: '/api/models/:model/load',
    summary: 'Load a model into memory now, before the first message needs it',
    tag,
    status: 202,
    params: byModelSchema,
    response: z.object({ model: z.string(), state: z.enum(['loading', 'loaded']) }),
  }),
  unload: route({
    method: 'POST',
    path: '/api/models/:model/unload',
    summary: 'Free the memory of a model; running answers are resumed when it is loaded again',
    tag,
    status: 204,
    params: byModelSchema,
  }),
  remove: route({
    method: 'DELETE',
    path: '/api/models/:model',
    summary: 'Delete a model from disk',
    tag,
    status: 200,
    params: byModelSchema,
    response: z.object({ removed: z.array(z.string()), freedBytes: z.number() }),
  }),
  disk: route({
    method: 'GET',
    path: '/api/models-disk',
    summary: 'Disk used by models and free',
    tag,
    status: 200,
    response: z.object({ usedBytes: z.number(), freeBytes: z.number() }),
  }),
  catalogue: route({
    method: 'GET',
    path: '/api/catalogue',
    summary: 'Models worth having, judged for this machine',
    tag,
    status: 200,
    response: z.object({ entries: z.array(judgedEntrySchema) }),
  }),
  preflight: route({
    method: 'POST',
    path: '/api/preflight',
    summary: 'What pulling a reference would fetch, make and need, without doing it',
    tag,
    status: 200,
    body: z.strictObject({
      reference: modelReferenceSchema,
      base: modelReferenceSchema.optional(),
      /** For memory; absent: what the server is set to. */
      contextTokens: z.int().min(64).max(1_048_576).optional(),
    }),
    response: preflightSchema,
  }),
  pull: route({
    method: 'POST',
    path: '/api/pulls',
    summary: 'Fetch, merge and quantise a model as a job; a Hub link is taken too',
    tag,
    status: 202,
    body: z.strictObject({
      reference: modelReferenceSchema,
      base: modelReferenceSchema.optional(),
      /** Go on although the pre-flight says that it will not fit in memory. */
      force: z.boolean().optional(),
    }),
    response: jobSchema,
  }),
  import: route({
    method: 'POST',
    path: '/api/model-imports',
    summary:
      'Take a GGUF file or a Hugging Face folder of this machine as a job; for callers on this machine only',
    tag,
    status: 202,
    body: z.strictObject({
      /** Absolute. */
      path: z.string().min(1).max(4096),
      name: z.string().min(1).max(96).optional(),
      quantisation: quantisationSchema.optional(),
    }),
    response: jobSchema,
  }),
  adapters: route({
    method: 'GET',
    path: '/api/adapters',
    summary: 'LoRA adapters on this machine',
    tag,
    status: 200,
    response: z.object({ adapters: z.array(adapterRecordSchema) }),
  }),
  addAdapter: route({
    method: 'POST',
    path: '/api/adapters',
    summary: 'Fetch an adapter from the Hub as a job, to be switched on with a scale',
    tag,
    status: 202,
    body: z.strictObject({ reference: modelReferenceSchema, base: modelReferenceSchema.optional() }),
    response: jobSchema,
  }),
  removeAdapter: route({
    method: 'DELETE',
    path: '/api/adapters/:model',
    summary: 'Delete an adapter from disk',
    tag,
    status: 200,
    params: byModelSchema,
    /** The model that it is kept for; needed where it is kept for several. */
    query: z.strictObject({ base: modelReferenceSchema.optional() }),
    response: z.object({ removed: z.array(z.string()), freedBytes: z.number() }),
  }),
} as const;
