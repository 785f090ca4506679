import type { PromptMessage } from '../contracts/messages.ts';
import type { RunPart, TokenLogprob } from '../contracts/run-parts.ts';
import type { Sampling } from '../contracts/sampling.ts';
import type { TemplateDescription } from '../prompts/template-description.ts';

/**
 * The port of everything that can answer. `engine.contract.ts` is the suite that every adapter passes:
 * llama (local, in a child process), remote (other people's services) and scripted (deterministic, for tests).
 */

export interface AdapterSource {
  id: string;
  /** A GGUF LoRA on this machine. */
  path: string;
  sha256: string;
}

export type ModelSource =
  | { kind: 'file'; id: string; path: string; sha256: string; adapters: AdapterSource[] }
  | { kind: 'remote'; id: string; provider: string; model: string }
  | { kind: 'scripted'; id: string };

export interface LoadOptions {
  /** Tokens of context for one chat; absent: min(the model's, 8192). */
  contextTokens?: number;
  /** How many answers may be generated at once. */
  slots?: number;
  kvType?: 'f16' | 'q8_0';
  gpuLayers?: number | 'auto';
  onProgress?: (fraction: number) => void;
  signal?: AbortSignal;
}

export type Fit = 'fits' | 'tight' | 'will-not-fit';

export interface MemoryEstimate {
  fit: Fit;
  weightsBytes: number;
  repackedBytes: number;
  kvBytes: number;
  computeBytes: number;
  totalBytes: number;
  availableBytes: number;
  /** Where `fit` is not `fits`: settings with which it would. Absent when nothing helps. */
  wouldFit?: { contextTokens?: number; kvType?: 'f16' | 'q8_0'; gpuLayers?: number };
}

/** What an engine cannot do is told here and shown to the person, never silently dropped. */
export interface EngineCapabilities {
  /** Names of `Sampling` that have an effect; the others are reported as ignored. */
  sampling: readonly (keyof Sampling)[];
  /** False: `count` estimates, and says so in its result. */
  exactCounts: boolean;
  score: boolean;
  embed: boolean;
  tokens: boolean;
  render: boolean;
  /** False: `saveState` and `dropState` do nothing. */
  state: boolean;
  adapters: boolean;
  /** Whether a half-written answer can be continued where it stopped. */
  continueAnswer: boolean;
}

export interface ModelDescription {
  id: string;
  architecture: string;
  name: string;
  parameters: number;
  /** Tokens of context that one chat may use here. */
  contextTokens: number;
  /** The longest prompt, where that is less than the context: the rest is for the answer alone. */
  mostPromptTokens?: number;
  trainedContextTokens: number;
  vocabularySize: number;
  bosTokenId: number | null;
  eosTokenIds: number[];
  template: TemplateDescription;
  /** `problem` says why one could not be loaded. */
  adapters: { id: string; loaded: boolean; problem?: string }[];
  memory: { residentBytes: number; kvBytes: number } | null;
  /** Release of the library or name of the service that computes. */
  engineRelease: string;
  device: string;
}

/** How messages become text; absent: the model's own template, then its family's format. */
export type PromptFormat = string;

export type Prompt =
  | {
      kind: 'chat';
      messages: readonly PromptMessage[];
      format?: PromptFormat;
      /** The last message is an answer to be continued: it is left open instead of being ended. */
      continueAnswer?: boolean;
    }
  | { kind: 'raw'; text: string; parseSpecial: boolean; addBos?: boolean }
  | { kind: 'tokens'; ids: readonly number[] };

export interface CountResult {
  /** Tokens that each message adds to the rendered prompt, in order. */
  messageTokens: number[];
  /** What the format adds around them. */
  overheadTokens: number;
  totalTokens: number;
  exact: boolean;
}

export interface RenderedPrompt {
  text: string;
  tokenIds: number[];
  /** sha256 over the ids as little-endian 32-bit integers, hex. */
  idsHash: string;
  template: TemplateDescription;
}

export interface AdapterUse {
  id: string;
  scale: number;
}

export interface GenerateRequest {
  id: string;
  /** Who asks: admission is fair between persons. */
  person: string;
  prompt: Prompt;
  sampling: Sampling;
  adapters?: readonly AdapterUse[];
  /** Chat whose KV state may be kept and used again; absent: nothing of this request outlives it. */
  stateKey?: string;
  /** True: the state is never written to disk (temporary chats). */
  ephemeral?: boolean;
  /** `side` work (titles) waits for answers and evicts no chat's state. */
  priority?: 'answer' | 'side';
  /** How many tokens of this answer were drawn before, so that a resumed run draws on where it was. */
  drawnTokens?: number;
}

/** A text is read and nothing is written; nothing of it stays in the cache. */
export interface ReadRequest {
  person: string;
  prompt: Prompt;
  adapters?: readonly AdapterUse[];
  priority?: 'answer' | 'side';
}

/** How likely a text is after a prompt. */
export interface ScoreRequest extends ReadRequest {
  text: string;
  /** How many of the likeliest tokens are told at each place; absent: none. */
  alternatives?: number;
  /** Only so many tokens of the text, and no more than the context has room for; absent: all, or it is refused. */
  maxTokens?: number;
}

/** The direction of a text among all texts of a model. */
export interface Embedding {
  /** Of length 1. */
  vector: number[];
  tokens: number;
}

export interface ScoredToken extends TokenLogprob {
  /** Offset in the text, UTF-16 units. */
  offset: number;
  /** `end` ends the model's turn; `control` is a token that only a prompt format writes. */
  top: (TokenLogprob['top'][number] & { kind: 'text' | 'end' | 'control' })[];
}

/** A loaded model that answers. All methods reject with `AppError`s only. */
export interface Engine {
  readonly source: ModelSource;
  readonly capabilities: EngineCapabilities;
  describe(): ModelDescription;
  count(prompt: Prompt, signal?: AbortSignal): Promise<CountResult>;
  tokenize(text: string, options: { parseSpecial: boolean; addSpecial?: boolean }): Promise<number[]>;
  /** The bytes of each token, the special ones as their own text. */
  pieces(ids: readonly number[]): Promise<Uint8Array[]>;
  render(prompt: Prompt, signal?: AbortSignal): Promise<RenderedPrompt>;
  /**
   * Answers. Never throws once iteration began: the last part is always `end`, with the error inside when it failed.
   * Aborting the signal ends it with `aborted`; leaving the loop early does the same.
   */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<RunPart>;
  /** Log-probability of each token of the text, by the model's own distribution before any sampling setting. */
  score(request: ScoreRequest, signal?: AbortSignal): Promise<ScoredToken[]>;
  embed(request: ReadRequest, signal?: AbortSignal): Promise<Embedding>;
  /** Writes the KV state of a chat to disk now; resolves false where there is none. */
  saveState(stateKey: string): Promise<boolean>;
  /** Forgets the KV state of a chat, in memory and on disk; null: of all chats. */
  dropState(stateKey: string | null): Promise<void>;
  /** Saves what is worth saving, ends running requests with `interrupted` and frees the memory. */
  close(): Promise<void>;
  /** Resolves when the engine is gone, by `close` or by itself. */
  readonly closed: Promise<void>;
}

export interface EngineLoader {
  readonly kind: ModelSource['kind'];
  /** Null where memory is not ours to count (remote). */
  estimate(source: ModelSource, options: LoadOptions): Promise<MemoryEstimate | null>;
  load(source: ModelSource, options: LoadOptions): Promise<Engine>;
  /** Deletes what is kept on disk of a chat, null: of all, for any model, loaded or not. Absent where nothing is kept. */
  dropState?(stateKey: string | null): Promise<void>;
}
