import { z } from 'zod';
import { countParameter, route, timeSchema } from './route.ts';

/** A reference as a person writes it; `models/reference.ts` is what understands it. */
export const modelReferenceSchema = z.string().min(1).max(512);
const byModelSchema = z.strictObject({ model: modelReferenceSchema });

export const fitSchema = z.enum(['fits', 'tight', 'will-not-fit']);

export const memoryEstimateSchema = z.object({
  fit: fitSchema,
  weightsBytes: z.number(),
  repackedBytes: z.number(),
  kvBytes: z.number(),
  computeBytes: z.number(),
  totalBytes: z.number(),
  availableBytes: z.number(),
  wouldFit: z
    .object({
      contextTokens: z.number().optional(),
      kvType: z.enum(['f16', 'q8_0']).optional(),
      gpuLayers: z.number().optional(),
    })
    .optional(),
});

export const modelSummarySchema = z.object({
  /** What to send as `model` in a run or a chat. */
  id: z.string(),
  name: z.string(),
  kind: z.enum(['file', 'remote', 'scripted']),
  provider: z.string().nullable(),
  architecture: z.string().nullable(),
  parameters: z.number().nullable(),
  quantisation: z.string().nullable(),
  sizeBytes: z.number().nullable(),
  trainedContextTokens: z.number().nullable(),
  /** Repository and revision, path or provider it came from. */
  source: z.string(),
  licence: z.string().nullable(),
  bundled: z.boolean(),
  state: z.enum(['unloaded', 'loading', 'loaded', 'failed', 'quarantined']),
  loadProgress: z.number().min(0).max(1).nullable(),
  fit: fitSchema.nullable(),
  adapters: z.array(z.string()),
  addedAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
});
export type ModelSummary = z.infer<typeof modelSummarySchema>;

export const modelDetailsSchema = modelSummarySchema.extend({
  sha256: z.string().nullable(),
  contextTokens: z.number().nullable(),
  template: z
    .object({
      source: z.enum(['file', 'family', 'chosen', 'service']),
      name: z.string(),
      hash: z.string(),
      findings: z.array(z.object({ code: z.string(), message: z.string() })),
    })
    .nullable(),
  estimate: memoryEstimateSchema.nullable(),
  engineRelease: z.string().nullable(),
  device: z.string().nullable(),
  /** Names of sampling settings that have an effect with this model; null until it was loaded once. */
  supportedSampling: z.array(z.string()).nullable(),
  exactCounts: z.boolean().nullable(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).nullable(),
});
export type ModelDetails = z.infer<typeof modelDetailsSchema>;

export const adapterSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Model it was trained on, as its config says. */
  base: z.string().nullable(),
  rank: z.number().nullable(),
  sizeBytes: z.number().nullable(),
  source: z.string(),
  addedAt: timeSchema.nullable(),
});
export type AdapterSummary = z.infer<typeof adapterSummarySchema>;

/** A model one could have, judged for this machine. */
export const catalogueEntrySchema = z.object({
  reference: z.string(),
  name: z.string(),
  description: z.string(),
  parameters: z.number(),
  quantisation: z.string(),
  downloadBytes: z.number(),
  sizeBytes: z.number(),
  licence: z.string(),
  gated: z.boolean(),
  fit: fitSchema,
  expectedTokensPerSecond: z.number().nullable(),
  recommended: z.boolean(),
  here: z.boolean(),
});
export type CatalogueEntry = z.infer<typeof catalogueEntrySchema>;

/** What pulling a reference would do, before a byte of weights is fetched. */
export const preflightSchema = z.object({
  reference: z.string(),
  /** The full name it resolves to, revision included. */
  resolved: z.string(),
  possible: z.boolean(),
  downloadBytes: z.number().nullable(),
  resultBytes: z.number().nullable(),
  freeDiskBytes: z.number().nullable(),
  licence: z.string().nullable(),
  gated: z.boolean(),
  steps: z.array(z.string()),
  estimate: memoryEstimateSchema.nullable(),
  expectedTokensPerSecond: z.number().nullable(),
  /** What stands in the way (`possible` is false) or deserves a look. */
  findings: z.array(
    z.object({
      level: z.enum(['note', 'warning', 'problem']),
      code: z.string(),
      message: z.string(),
      hint: z.string().optional(),
    }),
  ),
});
export type Preflight = z.infer<typeof preflightSchema>;

export const jobSchema = z.object({
  id: z.string(),
  kind: z.string(),
  /** What it works on: a model reference, a chat's id, a file name. */
  subject: z.string(),
  state: z.enum(['waiting', 'running', 'paused', 'done', 'failed', 'cancelled']),
  /** The step it is at, in words for a person. */
  step: z.string().nullable(),
  progress: z.number().min(0).max(1).nullable(),
  doneBytes: z.number().nullable(),
  totalBytes: z.number().nullable(),
  bytesPerSecond: z.number().nullable(),
  etaMs: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }).nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  createdAt: timeSchema,
  updatedAt: timeSchema,
});
export type JobSummary = z.infer<typeof jobSchema>;

const tag = 'models';
const byJobSchema = z.strictObject({ id: z.string().min(1).max(64) });

export const modelRoutes = {
  list: route({
    method: 'GET',
    path: '/api/models',
    summary: 'Models that can be used now, local and of providers',
    tag,
    status: 200,
    query: z.strictObject({ provider: z.string().max(64).optional() }),
    response: z.object({ models: z.array(modelSummarySchema), defaultModel: z.string() }),
  }),
  show: route({
    method: 'GET',
    path: '/api/models/:model',
    summary: 'Everything known about one model; the id is percent-encoded',
    tag,
    status: 200,
    params: byModelSchema,
    response: modelDetailsSchema,
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
    response: z.object({ freedBytes: z.number() }),
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
    response: z.object({ entries: z.array(catalogueEntrySchema) }),
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
    }),
    response: jobSchema,
  }),
  adapters: route({
    method: 'GET',
    path: '/api/adapters',
    summary: 'LoRA adapters on this machine',
    tag,
    status: 200,
    response: z.object({ adapters: z.array(adapterSummarySchema) }),
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
    status: 204,
    params: byModelSchema,
  }),
} as const;

export const jobRoutes = {
  list: route({
    method: 'GET',
    path: '/api/jobs',
    summary: 'Background work: pulls, conversions, titles, backups; newest first',
    tag: 'jobs',
    status: 200,
    query: z.strictObject({
      kind: z.string().max(64).optional(),
      active: z.enum(['0', '1']).optional(),
      limit: countParameter(1, 200).optional(),
    }),
    response: z.object({ jobs: z.array(jobSchema) }),
  }),
  show: route({
    method: 'GET',
    path: '/api/jobs/:id',
    summary: 'One job with its progress',
    tag: 'jobs',
    status: 200,
    params: byJobSchema,
    response: jobSchema,
  }),
  pause: route({
    method: 'POST',
    path: '/api/jobs/:id/pause',
    summary: 'Pause a pull; what was fetched is kept',
    tag: 'jobs',
    status: 200,
    params: byJobSchema,
    response: jobSchema,
  }),
  resume: route({
    method: 'POST',
    path: '/api/jobs/:id/resume',
    summary: 'Go on with a paused or failed job',
    tag: 'jobs',
    status: 200,
    params: byJobSchema,
    response: jobSchema,
  }),
  cancel: route({
    method: 'DELETE',
    path: '/api/jobs/:id',
    summary: 'Stop a job and remove what it left half-done',
    tag: 'jobs',
    status: 204,
    params: byJobSchema,
  }),
} as const;
