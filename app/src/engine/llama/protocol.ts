import { z } from 'zod';
import { promptMessageSchema } from '../../contracts/messages.ts';
import { samplingSchema } from '../../contracts/sampling.ts';
import { maxPromptCharacters } from '../check-request.ts';
import { schemaLimits } from '../json-schema-object.ts';
import { errorBodySchema, runPartSchema } from './part-schemas.ts';
import { maxAlternatives } from './token-schemas.ts';

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
  z.strictObject({ type: z.literal('pieces'), ticket: ticketSchema, ids: tokenIdsSchema }),
  z.strictObject({ type: z.literal('generate'), ticket: ticketSchema, request: generateRequestSchema }),
  z.strictObject({ type: z.literal('score'), ticket: ticketSchema, request: scoreRequestSchema }),
  z.strictObject({ type: z.literal('embed'), ticket: ticketSchema, request: askedSchema }),
  z.strictObject({ type: z.literal('save-state'), ticket: ticketSchema, stateKey: nameSchema }),
  z.strictObject({ type: z.literal('drop-state'), ticket: ticketSchema, stateKey: nameSchema.nullable() }),
  z.strictObject({ type: z.literal('stats'), ticket: ticketSchema }),
  /** Ends what runs with `interrupted`, saves what is worth saving, answers and exits with 0. */
  z.strictObject({ type: z.literal('shutdown'), ticket: ticketSchema }),
]);
export type EngineRequest = z.infer<typeof requestSchema>;

/** Child → parent. What `value` must be follows from the request: see protocol-results.ts. */
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
