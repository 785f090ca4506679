import type { Store } from '../store/store.ts';

/** The part of the store that one conversation needs; temporary chats have it in memory. */
export type ConversationStore = Pick<
  Store,
  | 'createChat'
  | 'getChat'
  | 'openChat'
  | 'updateChat'
  | 'setActiveLeaf'
  | 'getMessage'
  | 'addMessage'
  | 'updateMessage'
  | 'acceptRuns'
  | 'acceptedBefore'
  | 'getRun'
  | 'listRuns'
  | 'updateRun'
  | 'resumeRun'
  | 'appendJournal'
  | 'readJournal'
  | 'finishRun'
  | 'watchRun'
  | 'listReceipts'
  | 'getReceipt'
>;
