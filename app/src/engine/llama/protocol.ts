import { z } from 'zod';
import { promptMessageSchema } from '../../contracts/messages.ts';
import { samplingSchema } from '../../contracts/sampling.ts';
import { maxPromptCharacters } from '../check-request.ts';
import { schemaLimits } from '../json-schema-object.ts';
import { errorBodySchema, runPartSchema } from './part-schemas.ts';
import { maxAlternatives, scoredTokenSchema } from './token-schemas.ts';

/**
 * What the server process and an engine child say to each other.
 *
 * The child is started as `node llama.child.ts` with two extra descriptors, both made by `stdio: 'pipe'`:
 * `mainDescriptor` carries frames (see frames.ts) of the messages below in both directions;
 * `signalDescriptor` carries the fixed-size records of signals.ts: cancellations to the child, heartbeats back.
 * The latter is served by a thread of its own, so that neither waits for a decode.
 *
 * The child answers every request with one `result` or one `failure` of the same ticket, except `generate`,
 * which is answered by `parts` alone, the last of them `end`. The first request must be `open`, the second `load`.
 */

export const protocolVersion = 1;
export const mainDescriptor = 3;
export const signalDescriptor = 4;

/** Enough for a prompt of a million token ids as JSON; more is a fault or an attack. */
export const maxFrameBytes = 16 * 1024 * 1024;
/** No context is longer than this, so no honest list of ids is either. */
const maxTokens = 4_194_304;
const maxAdapters = 32;
const maxMessages = 20_000;
/** A part list is flushed many times a second; this is far above what one flush can hold. */
const maxPartsPerBatch = 65_536;

/**
 * Chosen by the parent and never used twice in a child's life; also names what a cancellation is about, which may
 * arrive before the request because it takes the other pipe.
 */
const ticketSchema = z.int().min(1).max(0xffff_ffff);
const tokenIdsSchema = z.array(z.int()).max(maxTokens);
/** What a text of the greatest length may become; the frame is what bounds it. */
const resultIdsSchema = z.array(z.int()).max(maxFrameBytes / 2);
const textSchema = z.string().max(maxPromptCharacters);
const pathSchema = z.string().min(1).max(4096);
const nameSchema = z.string().max(512);

export const wirePromptSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('chat'),
    messages: z.array(promptMessageSchema).max(maxMessages),
    format: nameSchema.optional(),
    continueAnswer: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('raw'),
    text: textSchema,
    parseSpecial: z.boolean(),
    addBos: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal('tokens'), ids: tokenIdsSchema }),
]);
export type WirePrompt = z.infer<typeof wirePromptSchema>;

const askedSchema = z.strictObject({
  person: nameSchema,
  prompt: wirePromptSchema,
  adapters: z
    .array(z.strictObject({ id: nameSchema, scale: z.number() }))
    .max(maxAdapters)
    .optional(),
  priority: z.enum(['answer', 'side']).optional(),
});
export type WireAsked = z.infer<typeof askedSchema>;

const generateRequestSchema = askedSchema.extend({
  id: nameSchema,
  // One that was made of a JSON schema is longer than what a person may send.
  sampling: samplingSchema.extend({
    grammar: z.string().min(1).max(schemaLimits.grammarCharacters).optional(),
  }),
  stateKey: nameSchema.optional(),
  ephemeral: z.boolean().optional(),
  drawnTokens: z.int().min(0).max(maxTokens).optional(),
});
export type WireGenerateRequest = z.infer<typeof generateRequestSchema>;

const scoreRequestSchema = askedSchema.extend({
  text: textSchema,
  alternatives: z.int().min(0).max(maxAlternatives).optional(),
  maxTokens: z.int().min(1).max(maxTokens).optional(),
});
export type WireScoreRequest = z.infer<typeof scoreRequestSchema>;

const loadSchema = z.strictObject({
  type: z.literal('load'),
  ticket: ticketSchema,
  model: z.strictObject({ id: nameSchema, path: pathSchema, sha256: nameSchema }),
  adapters: z
    .array(z.strictObject({ id: nameSchema, path: pathSchema, sha256: nameSchema }))
    .max(maxAdapters),
  /** Tokens of context for one chat; absent: min(the model's, 8192). */
  contextTokens: z.int().min(1).max(maxTokens).optional(),
  /** Cells of the KV cache that all chats share; absent: `contextTokens` × `slots`. */
  kvTokens: z.int().min(1).max(maxTokens).optional(),
  slots: z.int().min(1).max(64),
  kvType: z.enum(['f16', 'q8_0']),
  /** -1: all layers. */
  gpuLayers: z.int().min(-1).max(10_000),
  /** Most threads that may compute; absent: what cores and the cgroup's quota allow. */
  maxThreads: z.int().min(1).max(512).optional(),
  /** Where KV states are kept; absent: nowhere. */
  snapshots: z.strictObject({ directory: pathSchema, budgetBytes: z.number().min(0) }).optional(),
  /** A built-in format or the text of a template, instead of what the file says. */
  format: nameSchema.optional(),
  template: z.string().max(1_048_576).optional(),
});
export type LoadMessage = z.infer<typeof loadSchema>;
export type OpenMessage = Extract<EngineRequest, { type: 'open' }>;

/** Parent → child. */
export const requestSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    ticket: ticketSchema,
    librariesDirectory: pathSchema,
    /** The one to compute with, where ggml shall not choose. */
    processorLibrary: pathSchema.optional(),
  }),
  loadSchema,
  z.strictObject({ type: z.literal('count'), ticket: ticketSchema, prompt: wirePromptSchema }),
  z.strictObject({ type: z.literal('render'), ticket: ticketSchema, prompt: wirePromptSchema }),
  z.strictObject({
    type: z.literal('tokenize'),
    ticket: ticketSchema,
    text: textSchema,
    parseSpecial: z.boolean(),
    addSpecial: z.boolean(),
  }),
  z.strictObject({ type: z.literal('detokenize'), ticket: ticketSchema, ids: tokenIdsSchema }),
  z.strictObject({ type: z.literal('generate'), ticket: ticketSchema, request: generateRequestSchema }),
  z.strictObject({ type: z.literal('score'), ticket: ticketSchema, request: scoreRequestSchema }),
  z.strictObject({ type: z.literal('embed'), ticket: ticketSchema, request: askedSchema }),
  z.strictObject({ type: z.literal('save-state'), ticket: ticketSchema, stateKey: nameSchema }),
  z.strictObject({ type: z.literal('drop-state'), ticket: ticketSchema, stateKey: nameSchema }),
  z.strictObject({ type: z.literal('stats'), ticket: ticketSchema }),
  /** Ends what runs with `interrupted`, saves what is worth saving, answers and exits with 0. */
  z.strictObject({ type: z.literal('shutdown'), ticket: ticketSchema }),
]);
export type EngineRequest = z.infer<typeof requestSchema>;

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
export const detokenizeResultSchema = z.strictObject({ text: z.string() });
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

/** Child → parent. What `value` must be follows from the request: see `resultSchemas`. */
export const replySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('result'), ticket: ticketSchema, value: z.unknown() }),
  z.strictObject({ type: z.literal('failure'), ticket: ticketSchema, error: errorBodySchema }),
  z.strictObject({
    type: z.literal('load-progress'),
    ticket: ticketSchema,
    fraction: z.number().min(0).max(1),
  }),
  z.strictObject({
    type: z.literal('parts'),
    batches: z
      .array(z.strictObject({ ticket: ticketSchema, parts: z.array(runPartSchema).max(maxPartsPerBatch) }))
      .max(4096),
  }),
  /** Something for the log; never text of a prompt or an answer. */
  z.strictObject({
    type: z.literal('log'),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string().max(4096),
    fields: z.record(z.string(), z.unknown()),
  }),
]);
export type EngineReply = z.infer<typeof replySchema>;

const embeddingSchema = z.strictObject({ vector: z.array(z.number()).max(65_536), tokens: z.int().min(1) });

/** What the `value` of a `result` is, by the type of the request. `generate` has none. */
export const resultSchemas = {
  open: helloSchema,
  load: loadedSchema,
  count: countResultSchema,
  render: renderResultSchema,
  tokenize: tokenizeResultSchema,
  detokenize: detokenizeResultSchema,
  score: z.strictObject({ tokens: z.array(scoredTokenSchema) }),
  embed: embeddingSchema,
  'save-state': saveStateResultSchema,
  'drop-state': z.strictObject({}),
  stats: statsSchema,
  shutdown: z.strictObject({ saved: z.int() }),
} as const satisfies Record<Exclude<EngineRequest['type'], 'generate'>, z.ZodType>;
export type ResultOf<T extends keyof typeof resultSchemas> = z.infer<(typeof resultSchemas)[T]>;
