import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { RunPart } from '../../contracts/run-parts.ts';
import { samplingSchema, type Sampling } from '../../contracts/sampling.ts';
import { checkReadRequest, checkPrompt, checkRequest, checkScoreRequest } from '../check-request.ts';
import type {
  CountResult,
  Embedding,
  Engine,
  EngineCapabilities,
  GenerateRequest,
  ModelDescription,
  ModelSource,
  Prompt,
  ReadRequest,
  RenderedPrompt,
  ScoredToken,
  ScoreRequest,
} from '../engine.ts';
import { grammarOfJsonSchema } from '../json-schema-grammar.ts';
import { unavailable, type EngineConnection } from './engine-connection.ts';
import type { WireGenerateRequest, WirePrompt } from './protocol.ts';
import type { EngineStats, Loaded } from './protocol-results.ts';

export type FileSource = Extract<ModelSource, { kind: 'file' }>;

/** The engine of a model file, and what only benches and `corral doctor` ask of it. */
export interface LlamaEngine extends Engine {
  stats(): Promise<EngineStats>;
}

export type End = Extract<RunPart, { type: 'end' }>;

export interface LlamaEngineOptions {
  source: FileSource;
  connection: EngineConnection;
  loaded: Loaded;
  release: string;
  /** How an answer ended: it tells whether the file works. */
  onEnded: (end: End) => void;
}

const capabilities: EngineCapabilities = {
  sampling: Object.keys(samplingSchema.shape) as (keyof Sampling)[],
  exactCounts: true,
  score: true,
  embed: true,
  tokens: true,
  render: true,
  state: true,
  adapters: true,
  continueAnswer: true,
};

/** How long an engine may take to save and leave before it is ended. */
const closeMs = 30_000;

export function createLlamaEngine(options: LlamaEngineOptions): LlamaEngine {
  return new ProcessEngine(options);
}

class ProcessEngine implements LlamaEngine {
  readonly source: FileSource;
  readonly capabilities = capabilities;
  readonly closed: Promise<void>;
  readonly #connection: EngineConnection;
  readonly #description: ModelDescription;
  readonly #onEnded: (end: End) => void;
  #isClosing = false;

  constructor(options: LlamaEngineOptions) {
    this.source = options.source;
    this.#connection = options.connection;
    this.#onEnded = options.onEnded;
    this.#description = describeLoaded(options);
    this.closed = options.connection.gone.then(() => undefined);
  }

  describe(): ModelDescription {
    return this.#description;
  }

  async count(prompt: Prompt, signal?: AbortSignal): Promise<CountResult> {
    return this.#connection.ask('count', { prompt: this.#checked(prompt) }, signal);
  }

  async tokenize(text: string, how: { parseSpecial: boolean; addSpecial?: boolean }): Promise<number[]> {
    this.#present();
    const { parseSpecial, addSpecial = false } = how;
    return (await this.#connection.ask('tokenize', { text, parseSpecial, addSpecial })).ids;
  }

  async pieces(ids: readonly number[]): Promise<Uint8Array[]> {
    this.#present();
    if (ids.length > 0) checkPrompt({ kind: 'tokens', ids }, this.#description.vocabularySize);
    const { pieces } = await this.#connection.ask('pieces', { ids: [...ids] });
    return pieces.map((piece) => Buffer.from(piece, 'latin1'));
  }

  async render(prompt: Prompt, signal?: AbortSignal): Promise<RenderedPrompt> {
    return this.#connection.ask('render', { prompt: this.#checked(prompt) }, signal);
  }

  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<RunPart> {
    try {
      return this.#start(request, signal);
    } catch (error) {
      return ended({ type: 'end', reason: 'failed', error: toAppError(error).toJSON() });
    }
  }

  async score(request: ScoreRequest, signal?: AbortSignal): Promise<ScoredToken[]> {
    this.#present();
    checkScoreRequest(request, this.#description);
    return (await this.#connection.ask('score', { request: wireAsked(request) }, signal)).tokens;
  }

  async embed(request: ReadRequest, signal?: AbortSignal): Promise<Embedding> {
    this.#present();
    checkReadRequest(request, this.#description);
    return this.#connection.ask('embed', { request: wireAsked(request) }, signal);
  }

  async saveState(stateKey: string): Promise<boolean> {
    this.#present();
    return (await this.#connection.ask('save-state', { stateKey })).saved;
  }

  async dropState(stateKey: string | null): Promise<void> {
    this.#present();
    await this.#connection.ask('drop-state', { stateKey });
  }

  async stats(): Promise<EngineStats> {
    return this.#connection.ask('stats', {});
  }

  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      await shutDown(this.#connection);
    }
    await this.#connection.gone;
  }

  #present(): void {
    if (this.#isClosing) throw unavailable(null);
  }

  #checked(prompt: Prompt): WirePrompt {
    this.#present();
    checkPrompt(prompt, this.#description.vocabularySize);
    return wirePrompt(prompt);
  }

  #start(request: GenerateRequest, signal: AbortSignal | undefined): AsyncIterable<RunPart> {
    this.#present();
    checkRequest(request, this.#description);
    if (signal?.aborted === true) return ended({ type: 'end', reason: 'aborted' });
    const { channel, cancel } = this.#connection.generate(wireRequest(request));
    signal?.addEventListener('abort', cancel, { once: true });
    const stopListening = (): void => signal?.removeEventListener('abort', cancel);
    return watched(channel.read(cancel), stopListening, this.#onEnded);
  }
}

async function shutDown(connection: EngineConnection): Promise<void> {
  const closed = new AppError('engine-unavailable', 'The engine was closed.');
  const timer = setTimeout(() => connection.destroy(closed), closeMs);
  try {
    await connection.ask('shutdown', {});
  } catch {
    // It is on its way out, one way or the other.
  } finally {
    clearTimeout(timer);
    connection.destroy(closed);
  }
}

function describeLoaded({ source, loaded, release }: LlamaEngineOptions): ModelDescription {
  const { kvBytes, residentBytes } = loaded;
  return {
    id: source.id,
    architecture: loaded.architecture,
    name: loaded.name,
    parameters: loaded.parameters,
    contextTokens: loaded.contextTokens,
    trainedContextTokens: loaded.trainedContextTokens,
    vocabularySize: loaded.vocabularySize,
    bosTokenId: loaded.bosTokenId,
    eosTokenIds: loaded.eosTokenIds,
    template: loaded.template,
    adapters: loaded.adapters,
    memory: { residentBytes, kvBytes },
    engineRelease: `llama.cpp ${release}`,
    device: loaded.device,
  };
}

/** What a request to read a text asks, with nothing in it that belongs to the caller. */
function wireAsked<Asked extends ReadRequest>({ prompt, adapters, ...rest }: Asked) {
  return { ...rest, ...(adapters ? { adapters: [...adapters] } : {}), prompt: wirePrompt(prompt) };
}

function wirePrompt(prompt: Prompt): WirePrompt {
  if (prompt.kind === 'tokens') return { kind: 'tokens', ids: [...prompt.ids] };
  if (prompt.kind === 'raw') return prompt;
  return { ...prompt, messages: [...prompt.messages] };
}

/** The child knows grammars only; a schema becomes one here. */
function wireRequest(request: GenerateRequest): WireGenerateRequest {
  const { jsonSchema, ...sampling } = request.sampling;
  const { adapters, ...rest } = request;
  return {
    ...rest,
    ...(adapters ? { adapters: [...adapters] } : {}),
    prompt: wirePrompt(request.prompt),
    sampling: jsonSchema === undefined ? sampling : { ...sampling, grammar: grammarOfJsonSchema(jsonSchema) },
  };
}

async function* ended(part: RunPart): AsyncGenerator<RunPart> {
  yield part;
}

async function* watched(
  parts: AsyncIterable<RunPart>,
  onLeave: () => void,
  onEnded: (end: End) => void,
): AsyncGenerator<RunPart> {
  try {
    for await (const part of parts) {
      if (part.type === 'end') onEnded(part);
      yield part;
    }
  } finally {
    onLeave();
  }
}
