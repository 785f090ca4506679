import type {
  AnswerOutcome,
  Chat,
  ChatMessage,
  ChatSettings,
  Feedback,
  SearchHit,
  TrashEntry,
} from '../contracts/chats.ts';
import type { Role } from '../contracts/messages.ts';
import type { Run } from '../contracts/runs.ts';
import type { NewOutboxEvent } from './outbox-store.ts';
import type { Page, PageRequest } from './store.ts';

export interface NewChat {
  id: string;
  title: string;
  titleSource: Chat['titleSource'];
  folder: string | null;
  tags?: string[];
  settings: ChatSettings;
  createdAt: number;
}

/** A message without a run: an answer edited by hand, or a message of an import. */
export interface NewMessage {
  id: string;
  parentId: string | null;
  role: Role;
  content: string;
  createdAt: number;
  model?: string | null;
  state?: ChatMessage['state'];
  pinned?: boolean;
  feedback?: Feedback | null;
  /** Of an answer that came with an import: its last run and how that went. */
  runId?: string | null;
  outcome?: AnswerOutcome | null;
}

export interface ChatFilter extends PageRequest {
  /** Absent: all; null: only those in no folder. */
  folder?: string | null;
  tag?: string;
}

export interface OpenedChat {
  chat: Chat;
  /** The tree without what is in the trash, parents before children, siblings in the order they were made. */
  messages: ChatMessage[];
  /** Those not ended. */
  runs: Run[];
}

export interface ChatChange {
  title?: string;
  titleSource?: Chat['titleSource'];
  folder?: string | null;
  /** All of them; they take the place of what was there. */
  tags?: string[];
  pinned?: boolean;
  settings?: ChatSettings;
}

export interface ChatStore {
  createChat(owner: string, chat: NewChat): Promise<Chat>;
  getChat(owner: string, chatId: string): Promise<Chat | null>;
  /**
   * Null also for a chat in the trash. With `last` the messages may be only so many of the end of the shown branch and
   * the siblings of each, without what follows those; the chat's own count is of all.
   */
  openChat(owner: string, chatId: string, part?: { last: number }): Promise<OpenedChat | null>;
  /** Pinned ones first, then by `updatedAt`, newest first; without those in the trash. */
  listChats(owner: string, filter: ChatFilter): Promise<Page<Chat>>;
  /** Every folder in use with its number of chats, by name. */
  listFolders(owner: string): Promise<{ name: string; chatCount: number }[]>;
  /** Likewise every tag. */
  listTags(owner: string): Promise<{ name: string; chatCount: number }[]>;
  /** Titles and messages that contain all words of `text` (the last word may be a beginning), best first. */
  searchChats(owner: string, query: { text: string; limit: number }): Promise<SearchHit[]>;
  /** Raises `version`; never touches `updatedAt`. */
  updateChat(owner: string, write: { chatId: string; version: number; change: ChatChange }): Promise<Chat>;
  /** Shows another branch: `leafId` becomes the active leaf. Needs no version: it loses nothing. */
  setActiveLeaf(owner: string, write: { chatId: string; leafId: string | null }): Promise<Chat>;
  /** A copy of the chat and its whole tree with new ids; `messageIds` maps old to new. */
  duplicateChat(
    owner: string,
    write: { chatId: string; newChatId: string; title: string; now: number },
  ): Promise<{ chat: Chat; messageIds: Record<string, string> }>;

  getMessage(owner: string, messageId: string): Promise<ChatMessage | null>;
  /** Adds it below `parentId` and makes it the active leaf. */
  addMessage(owner: string, write: { chatId: string; message: NewMessage }): Promise<ChatMessage>;
  updateMessage(
    owner: string,
    write: {
      messageId: string;
      version: number;
      change: { pinned?: boolean; feedback?: Feedback | null };
      events?: NewOutboxEvent[];
    },
  ): Promise<ChatMessage>;

  /**
   * To the trash, at once and as one entry: a chat (`messageId` absent), a message with all below it (`messageId`),
   * or all messages of a chat that itself stays (`clear`). The active leaf moves to the nearest message that is left:
   * the newest sibling's branch, else the parent. Runs that write a trashed message must have been stopped before.
   */
  trash(
    owner: string,
    write: {
      trashId: string;
      chatId: string;
      messageId?: string;
      clear?: boolean;
      /** Of the message, or of the chat when `messageId` is absent; absent: whatever it is. */
      version?: number;
      now: number;
      purgeAt: number;
    },
  ): Promise<TrashEntry & { activeLeafId: string | null }>;
  /** Puts back what one entry took away, and the active leaf as it was. Rejects with `not-found` after the purge. */
  restore(owner: string, trashId: string): Promise<Chat>;
  listTrash(owner: string, page: PageRequest): Promise<Page<TrashEntry>>;
  /** Erases one entry for good, before its time; gives the chat that it was, or was taken from. */
  purgeTrashEntry(owner: string, trashId: string): Promise<{ chatId: string }>;
  /** Erases for good every entry with `purgeAt <= now` (all owners); gives their chats, each once. */
  purgeTrash(now: number): Promise<{ chatIds: string[] }>;

  /**
   * Erases for good, trash included: one chat, or everything of the owner (chats, settings, presets, jobs, outbox).
   * Afterwards no text of it is in the database file, its log or its search index.
   */
  erase(
    owner: string,
    what: { chatId: string; version?: number } | { everything: true },
  ): Promise<{ chatIds: string[] }>;
}
