import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { createTemplateRenderer, type TemplateRenderer } from '../../prompts/template-renderer.ts';
import type { Engine, EngineLoader, LoadOptions, ModelSource } from '../engine.ts';
import type { Dialect } from './dialect.ts';
import { flavourOf } from './flavours.ts';
import { createHuggingfaceDialect } from './huggingface-dialect.ts';
import { createModelPrompts, type ModelPrompts } from './model-prompts.ts';
import { ollamaContext, usualOllamaContext } from './ollama-context.ts';
import { createOpenAiDialect } from './openai-dialect.ts';
import { createRemoteEngine } from './remote-engine.ts';
import {
  defaultDeadlines,
  type Deadlines,
  type RemoteProvider,
  type ServiceModel,
} from './remote-provider.ts';
import type { ServiceConnection } from './service-connection.ts';
import { repositoryOf } from './service-hints.ts';
import type { Listing } from './service-listing.ts';
import { createTgiDialect } from './tgi-dialect.ts';
import type { FindTokenizer } from './tokenizer-files.ts';
import { createTokenizerThread, type TokenizerThread } from './tokenizer-thread.ts';

export interface RemoteLoaderOptions {
  /** Throws `provider-unknown`. */
  connection: (provider: string) => ServiceConnection;
  findTokenizer: FindTokenizer;
  /** Context of a chat where nobody asks for another; what a service tells of itself holds where it is less. */
  contextTokens: number;
  clock: Clock;
  log: Log;
  deadlines?: Partial<Deadlines>;
}

export interface RemoteLoader extends EngineLoader {
  close(): Promise<void>;
}

/** An answer does not wait longer for the Hub's tokenizer; it is used from then on when it comes later. */
const tokenizerWaitMs = 3000;
/** Some services answer for a model and list none. */
const listless: ReadonlySet<ErrorCode> = new Set(['provider-forbidden', 'provider-answer-invalid']);

interface Shared extends RemoteLoaderOptions {
  thread: TokenizerThread;
  renderer: TemplateRenderer;
  /** A name for each engine's tokenizer. */
  nextKey: () => string;
}

/** Engines at services elsewhere. Nothing is loaded into this machine's memory but a tokenizer. */
export function createRemoteLoader(options: RemoteLoaderOptions): RemoteLoader {
  const thread = createTokenizerThread();
  const renderer = createTemplateRenderer();
  let keys = 0;
  const shared: Shared = { ...options, thread, renderer, nextKey: () => String(keys++) };
  return {
    kind: 'remote',
    estimate: async () => null,
    load: (source, wanted) => load(shared, source, wanted),
    close: async () => {
      await Promise.all([thread.close(), renderer.close()]);
    },
  };
}

async function load(shared: Shared, source: ModelSource, wanted: LoadOptions): Promise<Engine> {
  if (source.kind !== 'remote') throw new TypeError(`not a remote model: ${source.kind}`);
  wanted.onProgress?.(0);
  const connection = shared.connection(source.provider);
  const listing = await listingOf(connection);
  const { served } = connection;
  const { model } = source;
  checkServed(connection.provider, listing, model);
  const [listed, prompts] = await Promise.all([
    listedModel({ connection, listing, model }, wanted.signal),
    growingPrompts(shared, { connection, listing, model, wanted }),
  ]);
  const dialect = dialectOf({ connection, listing, model, listed, prompts: prompts.current });
  wanted.onProgress?.(1);
  const engine = createRemoteEngine({
    source,
    provider: connection.provider,
    dialect,
    contextTokens: contextFor(shared, { listing, told: dialect.contextTokens, wanted: wanted.contextTokens }),
    deadlines: { ...defaultDeadlines, ...shared.deadlines },
    onClose: async () => prompts.close(),
  });
  if (listing?.tgi) closeWith(served, engine);
  return engine;
}

/** A TGI was started with another model: prompts would go on being written for the one before. */
function closeWith(served: AbortSignal, engine: Engine): void {
  const leave = (): void => void engine.close();
  served.addEventListener('abort', leave);
  void engine.closed.then(() => served.removeEventListener('abort', leave));
  if (served.aborted) leave();
}

/** `told` by the service is the most there is; what somebody wants holds where it tells nothing. */
function contextFor(
  { contextTokens }: Shared,
  known: { listing: Listing | null; told: number | null; wanted: number | undefined },
): number {
  const { listing, told, wanted } = known;
  if (told !== null) return Math.min(wanted ?? contextTokens, told);
  return wanted ?? (isOllama(listing) ? Math.min(contextTokens, usualOllamaContext) : contextTokens);
}

/** Null where the service lists nothing but may answer; a wrong key or address is told now. */
async function listingOf(connection: ServiceConnection): Promise<Listing | null> {
  try {
    if (connection.provider.kind !== 'tgi') return await connection.listing();
    // It serves one model and answers for it whatever is asked for, so what it serves now is asked anew.
    return await connection.refresh().catch(async () => connection.listing());
  } catch (error) {
    const known = toAppError(error);
    const mayAnswer = connection.provider.kind === 'openai' && listless.has(known.code) && isStatus(known);
    if (mayAnswer) return null;
    throw known;
  }
}

/** Requests to a TGI name no model, so nobody else would notice. The name of a folder tells nothing. */
function checkServed(provider: RemoteProvider, listing: Listing | null, model: string): void {
  const tgi = listing?.tgi;
  const [wanted, served] = [repositoryOf(model), tgi?.isOfHub === true ? repositoryOf(tgi.model) : null];
  if (!tgi || wanted === null || served === null || wanted.toLowerCase() === served.toLowerCase()) return;
  throw new AppError('provider-model-unknown', `${provider.name} serves ${tgi.model}, not ${model}.`, {
    hint: `Choose ${provider.name}:${tgi.model}, or start that TGI with --model-id ${wanted}.`,
    details: { provider: provider.name },
  });
}

/** The service spoke HTTP and refused; a web page or a redirect is another matter. */
function isStatus(error: AppError): boolean {
  return [403, 404, 405].includes(Number(error.details?.['status']));
}

interface Loading {
  connection: ServiceConnection;
  listing: Listing | null;
  model: string;
}

/** Prompts without a tokenizer at once where the Hub is slow, with it from when it comes. */
async function growingPrompts(
  shared: Shared,
  { connection, listing, model, wanted }: Loading & { wanted: LoadOptions },
): Promise<{ current: () => ModelPrompts; close: () => void }> {
  const { kind } = connection.provider;
  const key = shared.nextKey();
  const named = listing?.tgi?.model ?? model;
  const build = (files: Parameters<typeof createModelPrompts>[0]['files']): Promise<ModelPrompts> =>
    createModelPrompts({
      ...shared,
      key,
      model: named,
      composedBy: kind === 'tgi' ? 'us' : 'service',
      files,
    });
  const closing = new AbortController();
  let current = await build(null);
  const repository = repositoryOf(named);
  const grown = async (): Promise<void> => {
    const files = repository === null ? null : await shared.findTokenizer(repository, closing.signal);
    if (files && !closing.signal.aborted) current = await build(files);
    if (closing.signal.aborted) current.close();
  };
  const growing = grown().catch((error: unknown) =>
    shared.log.warn({ error: String(error) }, 'no tokenizer'),
  );
  const waiting = new AbortController();
  await Promise.race([growing, pause(waiting.signal, wanted.signal)]);
  waiting.abort();
  return {
    current: () => current,
    close: () => {
      closing.abort();
      current.close();
    },
  };
}

async function pause(...signals: (AbortSignal | undefined)[]): Promise<void> {
  const given = signals.filter((signal) => signal !== undefined);
  await sleep(tokenizerWaitMs, undefined, { signal: AbortSignal.any(given) }).catch(() => undefined);
}

/** What the service says of the model; null: nothing. */
async function listedModel(
  { connection, listing, model }: Loading,
  signal: AbortSignal | undefined,
): Promise<ServiceModel | null> {
  const listed = listing === null ? null : listedAs(listing, model);
  if (!isOllama(listing)) return listed;
  const contextTokens = await ollamaContext(connection.client, model, signal);
  return { id: model, ownedBy: '', parameters: null, ...listed, contextTokens };
}

/** A suffix that says which service behind a router is to answer, or how it is chosen, is in no list. */
function listedAs({ models, flavour }: Listing, model: string): ServiceModel | null {
  const named = (name: string): ServiceModel | undefined => models.find(({ id }) => id === name);
  const listed = named(model);
  if (listed || flavour.routes !== true) return listed ?? null;
  const [, name = '', route = ''] = /^(.+):([\w.-]+)$/u.exec(model) ?? [];
  const routed = named(name);
  return routed
    ? { ...routed, contextTokens: routed.contextsBehind?.get(route) ?? routed.contextTokens }
    : null;
}

function isOllama(listing: Listing | null): boolean {
  return listing?.flavour.name === 'ollama';
}

function dialectOf(parts: Loading & { listed: ServiceModel | null; prompts: () => ModelPrompts }): Dialect {
  const { connection, listing, model, listed, prompts } = parts;
  const { client, provider } = connection;
  if (provider.kind === 'tgi' && listing?.tgi)
    return createTgiDialect({ client, model, information: listing.tgi, prompts });
  const shared = {
    client,
    model,
    prompts,
    flavour: listing?.flavour ?? flavourOf(provider, []),
    listed,
    isApiKnown: listing !== null,
  };
  return provider.kind === 'huggingface' ? createHuggingfaceDialect(shared) : createOpenAiDialect(shared);
}
