import { createHash } from 'node:crypto';
import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { RunPart } from '../../contracts/run-parts.ts';
import { findBuiltInFormat, type BuiltInFormat } from '../../prompts/built-in-formats.ts';
import { renderFormat } from '../../prompts/render-format.ts';
import { textOf, type PromptSegment } from '../../prompts/segments.ts';
import { checkReadRequest, checkPrompt, checkScoreRequest, contextTooLong } from '../check-request.ts';
import type {
  Engine,
  EngineCapabilities,
  GenerateRequest,
  LoadOptions,
  ModelDescription,
  ModelSource,
  Prompt,
  ScoredToken,
} from '../engine.ts';
import type { TemplateDescription } from '../../prompts/template-description.ts';
import { createPartChannel } from '../part-channel.ts';
import type { Script } from './script.ts';
import { runScript, type EncodedRequest } from './scripted-run.ts';
import * as tokenizer from './scripted-tokenizer.ts';
import { createTurns } from './turns.ts';

const capabilities: EngineCapabilities = {
  sampling: [
    ...(['temperature', 'seed', 'maxNewTokens', 'stop'] as const),
    ...(['stopTokenIds', 'ignoreEos', 'logprobs'] as const),
  ],
  exactCounts: true,
  score: true,
  embed: true,
  tokens: true,
  render: true,
  state: true,
  adapters: false,
  continueAnswer: true,
};

/** Deterministic and without a model: for tests and benches of everything above the engine. */
export function createScriptedEngine(source: ModelSource, script: Script, options: LoadOptions): Engine {
  const contextTokens = options.contextTokens ?? script.contextTokens ?? 8192;
  const turns = createTurns(options.slots ?? script.slots ?? 4);
  const states = new Map<string, number[]>();
  const life = createLife();
  const description = describeModel(source.id, contextTokens);
  const encodeHere = (prompt: Prompt): EncodedRequest => encode(inFormat(prompt, script.format));

  async function run(request: GenerateRequest, push: (part: RunPart) => void, controller: AbortController) {
    try {
      life.present();
      const encoded = encodeHere(request.prompt);
      await runScript({
        request,
        encoded,
        script,
        description,
        turns,
        states,
        push,
        signal: controller.signal,
        crash: () => life.end(new AppError('engine-crashed', 'The script says that the engine crashes.')),
      });
    } catch (error) {
      push(endOf(error, controller.signal));
    } finally {
      life.running.delete(controller);
    }
  }

  return {
    source,
    capabilities,
    describe: () => ({ ...description, ...describeScript(script) }),
    ...textMethods(life.present, description, encodeHere),
    generate: (request, signal) => {
      const channel = createPartChannel();
      const controller = new AbortController();
      const onAbort = (): void => controller.abort();
      life.running.add(controller);
      if (signal?.aborted === true) controller.abort();
      signal?.addEventListener('abort', onAbort, { once: true });
      void run(request, channel.push, controller).finally(() =>
        signal?.removeEventListener('abort', onAbort),
      );
      return channel.read(onAbort);
    },
    saveState: async (stateKey) => states.has(stateKey),
    dropState: async (stateKey) => {
      for (const key of stateKey === null ? states.keys() : [stateKey]) states.delete(key);
    },
    close: async () => life.end(new AppError('engine-unavailable', 'The engine was closed.')),
    closed: life.closed,
  };
}

interface Life {
  running: Set<AbortController>;
  closed: Promise<void>;
  /** Interrupts what runs; nothing is answered afterwards. */
  end: (reason: AppError) => void;
  /** Throws once it has ended. */
  present: () => void;
}

function createLife(): Life {
  const running = new Set<AbortController>();
  let gone: AppError | null = null;
  let tellClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (tellClosed = resolve));
  return {
    running,
    closed,
    end: (reason) => {
      gone ??= reason;
      for (const run of running) run.abort(gone);
      tellClosed();
    },
    present: () => {
      if (gone) throw new AppError('engine-unavailable', 'The scripted engine has been closed.');
    },
  };
}

/** What needs no turn: all but answering. */
function textMethods(
  present: () => void,
  description: ModelDescription,
  encodeHere: (prompt: Prompt) => EncodedRequest,
): Pick<Engine, 'count' | 'tokenize' | 'pieces' | 'render' | 'score' | 'embed'> {
  return {
    count: async (prompt) => {
      present();
      const { ids, messageTokens, overheadTokens } = encodeHere(prompt);
      return { messageTokens, overheadTokens, totalTokens: ids.length, exact: true };
    },
    tokenize: async (text, how) => {
      present();
      const segments: PromptSegment[] = [{ text, special: how.parseSpecial, message: null }];
      return tokenizer.encodeSegments(segments, 0, how.addSpecial === true).ids;
    },
    pieces: async (ids) => {
      present();
      return tokenizer.piecesOf(ids);
    },
    render: async (prompt) => {
      present();
      const { ids, template } = encodeHere(prompt);
      return { text: tokenizer.decodeTokens(ids), tokenIds: ids, idsHash: hashOfIds(ids), template };
    },
    score: async (request) => {
      present();
      checkScoreRequest(request, description);
      const { prompt, text, alternatives = 0, maxTokens } = request;
      const { ids } = encodeHere(prompt);
      if (ids.length >= description.contextTokens)
        throw contextTooLong(ids.length, description.contextTokens);
      return scoreText(text, alternatives).slice(0, maxTokens);
    },
    embed: async (request) => {
      present();
      checkReadRequest(request, description);
      const { ids } = encodeHere(request.prompt);
      if (ids.length > description.contextTokens) throw contextTooLong(ids.length, description.contextTokens);
      return { vector: directionOf(ids), tokens: ids.length };
    },
  };
}

function describeModel(id: string, contextTokens: number): ModelDescription {
  return {
    id,
    architecture: 'scripted',
    name: 'Scripted engine',
    parameters: 0,
    contextTokens,
    trainedContextTokens: contextTokens,
    vocabularySize: tokenizer.vocabularySize,
    bosTokenId: tokenizer.bosTokenId,
    eosTokenIds: [...tokenizer.endTokenIds],
    template: templateOf(undefined),
    adapters: [],
    memory: null,
    engineRelease: 'scripted',
    device: 'none',
  };
}

/** What a script may change while the engine is there. */
function describeScript({ parameters = 0, engineRelease = 'scripted' }: Script): Partial<ModelDescription> {
  return { parameters, engineRelease };
}

function inFormat(prompt: Prompt, format: string | undefined): Prompt {
  if (prompt.kind !== 'chat' || prompt.format !== undefined || format === undefined) return prompt;
  return { ...prompt, format };
}

function endOf(error: unknown, signal: AbortSignal): RunPart {
  if (!signal.aborted) return { type: 'end', reason: 'failed', error: toAppError(error).toJSON() };
  const reason: unknown = signal.reason;
  if (reason instanceof AppError) return { type: 'end', reason: 'interrupted', error: reason.toJSON() };
  return { type: 'end', reason: 'aborted' };
}

function templateOf(format: string | undefined): TemplateDescription {
  const known = formatNamed(format);
  const hash = createHash('sha256').update(JSON.stringify(known)).digest('hex');
  return { source: format === undefined ? 'family' : 'chosen', name: known.name, hash, findings: [] };
}

function formatNamed(name = 'chatml'): BuiltInFormat {
  const format = findBuiltInFormat(name);
  if (!format) throw new AppError('bad-request', `There is no prompt format "${name}".`);
  return format;
}

function encode(prompt: Prompt): EncodedRequest {
  checkPrompt(prompt, tokenizer.vocabularySize);
  if (prompt.kind === 'tokens') {
    const ids = [...prompt.ids];
    const question = tokenizer.decodeTokens(ids);
    return plain({ ids, question, template: templateOf(undefined) });
  }
  if (prompt.kind === 'raw') {
    const segments: PromptSegment[] = [{ text: prompt.text, special: prompt.parseSpecial, message: null }];
    const { ids } = tokenizer.encodeSegments(segments, 0, prompt.addBos ?? true);
    return plain({ ids, question: prompt.text, template: templateOf(undefined) });
  }
  const continueAnswer = prompt.continueAnswer === true && prompt.messages.at(-1)?.role === 'assistant';
  const segments = renderFormat(
    formatNamed(prompt.format),
    { messages: prompt.messages, continueAnswer },
    tokenizer.texts,
  );
  const question =
    prompt.messages.findLast((message) => message.role === 'user')?.content ?? textOf(segments);
  return {
    ...tokenizer.encodeSegments(segments, prompt.messages.length),
    question,
    openAnswer: continueAnswer ? (prompt.messages.at(-1)?.content ?? '') : '',
    template: templateOf(prompt.format),
  };
}

function plain(found: Pick<EncodedRequest, 'ids' | 'question' | 'template'>): EncodedRequest {
  return { ...found, messageTokens: [], overheadTokens: found.ids.length, openAnswer: '' };
}

function scoreText(text: string, alternatives: number): ScoredToken[] {
  const ids = tokenizer.tokenizeText(text);
  const decoder = new TextDecoder();
  let offset = 0;
  return ids.map((id) => {
    const piece = decoder.decode(tokenizer.tokenBytes(id), { stream: true });
    const own = { id, text: piece, bytes: [...tokenizer.tokenBytes(id)], logprob: -1 - (id % 7) };
    const scored = { ...own, top: likeliest(own, alternatives), offset };
    offset += piece.length;
    return scored;
  });
}

/** The token itself and its neighbours in the vocabulary, each less likely than the one before. */
function likeliest(own: Omit<ScoredToken, 'top' | 'offset'>, count: number): ScoredToken['top'] {
  const others = Array.from({ length: count }, (_, index) => {
    const id = (own.id + index + 1) % tokenizer.vocabularySize;
    const bytes = [...tokenizer.tokenBytes(id)];
    return { id, text: Buffer.from(bytes).toString('utf8'), bytes, logprob: -3 - index };
  });
  return [own, ...others]
    .toSorted((a, b) => b.logprob - a.logprob)
    .slice(0, count)
    .map((one) => ({ ...one, kind: tokenizer.endTokenIds.includes(one.id) ? 'end' : 'text' }));
}

function hashOfIds(ids: readonly number[]): string {
  return createHash('sha256')
    .update(Buffer.from(Uint32Array.from(ids).buffer))
    .digest('hex');
}

/** Texts that share tokens point into similar directions. */
function directionOf(ids: readonly number[]): number[] {
  const sums = Array.from({ length: 32 }, () => 0);
  for (const id of ids) sums[id % sums.length]! += 1;
  const length = Math.hypot(...sums);
  return sums.map((sum) => sum / length);
}
