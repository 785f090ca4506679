import type { ExportFormat, ImportResult } from '../contracts/api/transfer.ts';
import type { RunPart } from '../contracts/run-parts.ts';
import type {
  Chat,
  ChatMessage,
  ChatSettings,
  Feedback,
  Preset,
  ResolvedSetting,
  SearchHit,
  TrashEntry,
} from '../contracts/chats.ts';
import type { ContextPlan, Receipt, Run, RunEvent } from '../contracts/runs.ts';
import type { TokenLens } from '../contracts/lens.ts';
import type { Sampling } from '../contracts/sampling.ts';
import type { AdapterUse, Embedding, ModelDescription, Prompt } from '../engine/engine.ts';
import type { ChatChange, ChatFilter } from '../store/chat-store.ts';
import type { Preferences } from '../store/settings-store.ts';
import type { Page, PageRequest } from '../store/store.ts';

/**
 * Everything that can be done with chats: the server, the compatibility APIs and the command line call this and nothing
 * below it. Every call takes the owner; what belongs to another rejects with `not-found`. Rejects with `AppError`s only.
 * `version` is what the caller's change is based on: a stale one rejects with `conflict`; without one the change is made
 * on whatever is there.
 */
export interface Chats
  extends
    ChatCalls,
    MessageCalls,
    RunCalls,
    ReceiptCalls,
    LensCalls,
    EmbeddingCalls,
    SettingsCalls,
    ExchangeCalls {
  /** Takes up again what a crash left unfinished. Call once, before the first request; without it nothing ever is. */
  start(): Promise<{ resumedRuns: number }>;
  /** Call after a backup was put in place of what was there: answers that it holds unfinished are taken up, after a start. */
  restored(): Promise<void>;
  /** Refuses new runs, makes what was written durable and leaves running answers to the next start. */
  close(): Promise<void>;
  /** Tells what other tabs want to know; gives a function that ends it. */
  onChange(listener: (notice: ChatNotice) => void): () => void;
  /** The part of the background work that is chats' own; `jobs` calls it. */
  readonly jobs: Record<
    'title' | 'retention',
    (payload: Record<string, unknown>, signal: AbortSignal) => Promise<void>
  >;
}

export type ChatNotice = { owner: string; chatId: string } & (
  | {
      type: 'chat-changed';
      /** Null when the chat is gone. */
      version: number | null;
      change: 'created' | 'updated' | 'messages' | 'trashed' | 'restored' | 'erased';
    }
  | { type: 'run-changed'; runId: string; messageId: string; state: 'active' | 'ended' }
);

export interface OpenedChat {
  chat: Chat;
  /** The tree, parents before children. */
  messages: ChatMessage[];
  /** False: there are more than the last ones that were asked for. */
  whole: boolean;
  activeRuns: Run[];
  /** What the model saw at the last answer of the shown branch; null before the first. */
  plan: ContextPlan | null;
  /** True: finished answers of this chat are sent to the operator's log. */
  logged: boolean;
}

export interface ChatCalls {
  create(
    owner: string,
    chat: {
      title?: string;
      folder?: string | null;
      tags?: string[];
      temporary?: boolean;
      settings?: ChatSettings;
    },
  ): Promise<Chat>;
  /** With `last` no more than the end of the shown branch is needed. */
  open(owner: string, chatId: string, part?: { last: number }): Promise<OpenedChat>;
  list(owner: string, filter: ChatFilter): Promise<Page<Chat>>;
  folders(owner: string): Promise<{ name: string; chatCount: number }[]>;
  tags(owner: string): Promise<{ name: string; chatCount: number }[]>;
  search(owner: string, query: { text: string; limit: number }): Promise<SearchHit[]>;
  update(
    owner: string,
    chatId: string,
    write: { version?: number; change: Omit<ChatChange, 'titleSource'> & { activeLeafId?: string } },
  ): Promise<Chat>;
  /** With `upToMessageId` only the branch that ends there. */
  duplicate(owner: string, chatId: string, options?: { upToMessageId?: string }): Promise<Chat>;
  /** To the trash; runs in it are stopped first. A temporary chat is gone at once, and null is given. */
  trash(owner: string, chatId: string, version?: number): Promise<TrashEntry | null>;
  /** Messages to the trash, chat and settings stay. Null: there were none. */
  clear(owner: string, chatId: string, version?: number): Promise<TrashEntry | null>;
  listTrash(owner: string, page: PageRequest): Promise<Page<TrashEntry>>;
  restore(owner: string, trashId: string): Promise<Chat>;
  purge(owner: string, trashId: string): Promise<void>;
  /** For good and everywhere: rows, search index, journal, outbox, saved states. */
  erase(
    owner: string,
    what: { chatId: string; version?: number } | { everything: true },
  ): Promise<{ chatIds: string[] }>;
}

export interface MessageCalls {
  /** Another wording as a sibling, without asking for an answer; the old one stays. */
  edit(
    owner: string,
    chatId: string,
    write: { messageId: string; version?: number; content: string },
  ): Promise<ChatMessage>;
  updateMessage(
    owner: string,
    chatId: string,
    write: { messageId: string; version?: number; change: { pinned?: boolean; feedback?: Feedback | null } },
  ): Promise<ChatMessage>;
  /** The message and all below it, to the trash; runs that write there are stopped first. */
  trashMessage(
    owner: string,
    chatId: string,
    write: { messageId: string; version?: number },
  ): Promise<TrashEntry | null>;
}

/** What the answer is to. */
export type RunInput =
  /** A new message after `parentId`; absent: after the shown branch's last; null: as a first message. */
  | { kind: 'message'; content: string; parentId?: string | null; version?: number }
  /** Another wording of a message of the person, as its sibling, answered. */
  | { kind: 'edit'; messageId: string; content: string; version?: number }
  /** Another answer beside the one named. */
  | { kind: 'regenerate'; messageId: string; version?: number }
  /** Go on writing a stopped or cut answer. */
  | { kind: 'continue'; messageId: string; version?: number }
  /** Answer a message of the person. */
  | { kind: 'answer'; messageId: string; version?: number };

export interface RunRequest {
  input: RunInput;
  /** For this answer only. */
  settings?: ChatSettings;
  /** Side by side: one answer for each, as siblings. Excludes `settings` and `continue`. */
  targets?: ChatSettings[];
}

export interface StartedRuns {
  runs: Run[];
  /** The person's message that they answer. */
  parentId: string | null;
  userMessage: ChatMessage | null;
  /** True: the idempotency key was known, and nothing was done again. */
  repeated: boolean;
}

export interface CompletionRequest {
  /** Absent: as for a new chat. */
  model?: string;
  prompt: Prompt;
  sampling?: Sampling;
  adapters?: AdapterUse[];
  /** Wait behind answers (embeddings of titles and such). */
  priority?: 'answer' | 'side';
}

export interface Completion {
  model: ModelDescription;
  /** Every value that is used, with the seed. */
  sampling: Sampling;
  /** What was asked for and the service does not take; that which binds an answer is refused instead. */
  ignoredSampling: string[];
  promptTokens: number;
  /** Ends with `end`, always. Leaving the loop or aborting stops the engine. */
  parts: AsyncIterable<RunPart>;
}

export interface RunCalls {
  /** Message and run are on disk when it resolves. */
  run(
    owner: string,
    chatId: string,
    request: RunRequest,
    options?: { idempotencyKey?: string },
  ): Promise<StartedRuns>;
  getRun(owner: string, runId: string): Promise<Run>;
  listRuns(owner: string, filter: { active?: boolean; chatId?: string; limit: number }): Promise<Run[]>;
  /** Resolves when the text so far is kept and the run has ended. */
  stop(owner: string, runId: string): Promise<void>;
  /**
   * Events of a run from an offset of its message, until `end`. `epoch` is the one `from` was seen in: after a crash
   * `start.offset` cuts back to what was durable. Slow readers get larger parts, never a gap.
   */
  watch(
    owner: string,
    runId: string,
    options: { from: number; epoch?: number; signal: AbortSignal },
  ): AsyncIterable<RunEvent>;
  /** What the model would see if `content` were sent now, with null in a new chat; loads the model if need be. */
  plan(
    owner: string,
    chatId: string | null,
    draft: { content: string; settings?: ChatSettings },
    signal?: AbortSignal,
  ): Promise<{ tokens: number; exact: boolean; plan: ContextPlan }>;
  /**
   * An answer outside of any chat, with the same settings, limits and queue: what the compatibility APIs translate to.
   * Nothing is cut: a prompt that does not fit rejects with `context-too-long` and the counts.
   */
  complete(owner: string, request: CompletionRequest, signal: AbortSignal): Promise<Completion>;
}

export interface ReceiptCalls {
  /** Of one answer, oldest first. */
  receipts(owner: string, messageId: string): Promise<Receipt[]>;
  receipt(owner: string, runId: string): Promise<Receipt>;
  /** The exact prompt, rendered again and compared with the receipt's hash; `matches` null: there is no hash. */
  prompt(
    owner: string,
    runId: string,
    signal?: AbortSignal,
  ): Promise<{ text: string; tokenIds: number[]; idsHash: string; matches: boolean | null }>;
  /** Asks again with everything the receipt names; keeps nothing. */
  replay(owner: string, runId: string, signal: AbortSignal): Promise<Replay>;
}

export interface LensCalls {
  /** Computed when asked, behind answers; nothing of it is kept. */
  lens(owner: string, of: { chatId: string; messageId: string }, signal?: AbortSignal): Promise<TokenLens>;
}

export interface EmbeddingCalls {
  /** Directions of texts among all texts of a model, in the order of the prompts; all of them or none. */
  embed(
    owner: string,
    request: { model?: string; prompts: readonly Prompt[] },
    signal: AbortSignal,
  ): Promise<{ model: ModelDescription; embeddings: Embedding[] }>;
}

export interface Replay {
  identical: boolean;
  original: string;
  text: string;
  /** UTF-16 offset in both; null: there is none. */
  firstDifference: number | null;
  /** What is not as it was: `model`, `adapters`, `engine`, `template`, `prompt`, `resumed`. */
  changed: string[];
}

export interface SettingsCalls {
  /** Every setting as the next message would use it, weakest source last told. */
  effectiveSettings(
    owner: string,
    query: { chatId?: string; model?: string },
  ): Promise<(ResolvedSetting & { inherited: unknown; inheritedFrom: ResolvedSetting['source'] })[]>;
  preferences(owner: string): Promise<Preferences>;
  savePreferences(
    owner: string,
    write: { version?: number; settings?: ChatSettings; page?: Record<string, unknown> },
  ): Promise<Preferences>;
  modelSettings(owner: string, model: string): Promise<{ settings: ChatSettings; version: number }>;
  saveModelSettings(
    owner: string,
    model: string,
    write: { version?: number; settings: ChatSettings },
  ): Promise<{ settings: ChatSettings; version: number }>;
  presets(owner: string): Promise<Preset[]>;
  savePreset(
    owner: string,
    preset: { name: string; version?: number; settings: ChatSettings },
  ): Promise<Preset>;
  deletePreset(owner: string, name: string): Promise<void>;
}

export interface ExportedFile {
  fileName: string;
  mediaType: string;
  chunks: AsyncIterable<string>;
}

export interface ExchangeCalls {
  /** `data` is parsed JSON of any known format, or its text. */
  import(owner: string, data: unknown): Promise<ImportResult>;
  export(
    owner: string,
    request: { format: ExportFormat; chatId?: string; messageId?: string },
  ): Promise<ExportedFile>;
}
