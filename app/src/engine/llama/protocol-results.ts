import { z } from 'zod';
import { maxFrameBytes, type EngineRequest } from './protocol.ts';
import { scoredTokenSchema } from './token-schemas.ts';

/** What a text of the greatest length may become; the frame is what bounds it. */
const resultIdsSchema = z.array(z.int()).max(maxFrameBytes / 2);

export const helloSchema = z.strictObject({
  protocol: z.int(),
  llamaVersion: z.string(),
  pid: z.int(),
  /** Backends and devices that the libraries found. */
  devices: z.array(
    z.strictObject({
      name: z.string(),
      description: z.string(),
      kind: z.enum(['cpu', 'gpu', 'integrated', 'accelerator', 'other']),
      freeBytes: z.number(),
      totalBytes: z.number(),
    }),
  ),
  sandbox: z.strictObject({
    /** No network interface but loopback is visible. */
    networkIsolated: z.boolean(),
    /** The kernel ends this process when its parent ends. */
    diesWithParent: z.boolean(),
    /** The kernel's out-of-memory killer takes this process first. */
    firstToBeKilled: z.boolean(),
    /** Names, never values. */
    environment: z.array(z.string()),
  }),
});
export type Hello = z.infer<typeof helloSchema>;

export const templateSchema = z.strictObject({
  source: z.enum(['file', 'family', 'chosen', 'service']),
  name: z.string(),
  hash: z.string(),
  findings: z.array(
    z.strictObject({
      code: z.enum(['double-bos', 'missing-end', 'role-order', 'unknown-template', 'render-failed']),
      message: z.string(),
    }),
  ),
});

export const loadedSchema = z.strictObject({
  architecture: z.string(),
  name: z.string(),
  parameters: z.number(),
  contextTokens: z.int(),
  kvTokens: z.int(),
  slots: z.int(),
  trainedContextTokens: z.int(),
  vocabularySize: z.int(),
  bosTokenId: z.int().nullable(),
  eosTokenIds: z.array(z.int()),
  template: templateSchema,
  adapters: z.array(z.strictObject({ id: z.string(), loaded: z.boolean(), problem: z.string().optional() })),
  weightsBytes: z.number(),
  kvBytes: z.number(),
  residentBytes: z.number(),
  threads: z.int(),
  /** Time of one token at each thread count tried at load, milliseconds. */
  threadTimes: z.array(z.strictObject({ threads: z.int(), tokenMs: z.number() })),
  device: z.string(),
  flashAttention: z.boolean(),
});
export type Loaded = z.infer<typeof loadedSchema>;

export const countResultSchema = z.strictObject({
  messageTokens: z.array(z.int().min(0)),
  overheadTokens: z.int(),
  totalTokens: z.int().min(0),
  exact: z.boolean(),
});
export const renderResultSchema = z.strictObject({
  text: z.string(),
  tokenIds: resultIdsSchema,
  idsHash: z.string(),
  template: templateSchema,
});
export const tokenizeResultSchema = z.strictObject({ ids: resultIdsSchema });
/** One text a token, in which a character is a byte. */
export const piecesResultSchema = z.strictObject({ pieces: z.array(z.string()) });
export const saveStateResultSchema = z.strictObject({ saved: z.boolean() });

export const statsSchema = z.strictObject({
  threads: z.int(),
  activeRequests: z.int(),
  queuedRequests: z.int(),
  sequences: z.int(),
  parkedPrefixes: z.int(),
  kvCells: z.int(),
  kvCellsUsed: z.int(),
  decodes: z.int(),
  decodeMs: z.number(),
  /** Time spent outside `llama_decode` while there was work, milliseconds; and processor time of the thread in it. */
  overheadMs: z.number(),
  overheadThreadMs: z.number(),
  generatedTokens: z.int(),
  promptTokens: z.int(),
  cachedTokens: z.int(),
  /** Of `cachedTokens`, those copied from another chat's or a parked prefix. */
  copiedTokens: z.int(),
  /** Of `cachedTokens`, those restored from disk. */
  restoredTokens: z.int(),
  keptIdTokens: z.int(),
  snapshotsSaved: z.int(),
  snapshotsRestored: z.int(),
  snapshotsRefused: z.int(),
  abortedDecodes: z.int(),
  evictions: z.int(),
  preemptions: z.int(),
  adapterSwitches: z.int(),
  framesSent: z.int(),
  threadChanges: z.int(),
  residentBytes: z.number(),
});
export type EngineStats = z.infer<typeof statsSchema>;

const embeddingSchema = z.strictObject({ vector: z.array(z.number()).max(65_536), tokens: z.int().min(1) });

/** What the `value` of a `result` is, by the type of the request. `generate` has none. */
export const resultSchemas = {
  open: helloSchema,
  load: loadedSchema,
  count: countResultSchema,
  render: renderResultSchema,
  tokenize: tokenizeResultSchema,
  pieces: piecesResultSchema,
  score: z.strictObject({ tokens: z.array(scoredTokenSchema) }),
  embed: embeddingSchema,
  'save-state': saveStateResultSchema,
  'drop-state': z.strictObject({}),
  stats: statsSchema,
  shutdown: z.strictObject({ saved: z.int() }),
} as const satisfies Record<Exclude<EngineRequest['type'], 'generate'>, z.ZodType>;
export type ResultOf<T extends keyof typeof resultSchemas> = z.infer<(typeof resultSchemas)[T]>;
