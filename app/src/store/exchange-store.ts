import type { ErrorBody } from '../contracts/app-error.ts';
import type { Chat, ChatMessage } from '../contracts/chats.ts';
import type { EndReason } from '../contracts/run-parts.ts';
import type { Receipt } from '../contracts/runs.ts';
import type { NewChat, NewMessage } from './chat-store.ts';
import type { Page, PageRequest } from './store.ts';

export interface ExportedChat {
  chat: Chat;
  messages: ChatMessage[];
  receipts: Receipt[];
}

export interface ImportedRun {
  id: string;
  messageId: string;
  startOffset: number;
  endOffset: number;
  endReason: EndReason;
  error: ErrorBody | null;
  resumedAt: number[];
  createdAt: number;
  /** With the ids that it has here; null where it never had one. */
  receipt: Receipt | null;
}

export interface ImportedChat {
  chat: NewChat & { pinned?: boolean; updatedAt: number };
  /** Parents before children. */
  messages: NewMessage[];
  activeLeafId: string | null;
  /** Those that wrote its answers elsewhere; all are over. */
  runs?: ImportedRun[];
  /** The same key is taken in once; a second time the chat is passed over, unless the first lies in the trash. */
  importKey: string;
}

export interface ExchangeStore {
  /** Whole chats, oldest first, without the trash. Absent ids: all. */
  exportChats(owner: string, query: PageRequest & { chatIds?: string[] }): Promise<Page<ExportedChat>>;
  /** All of them or none. */
  importChats(owner: string, chats: ImportedChat[]): Promise<{ chatIds: string[]; passedOver: number }>;
}
