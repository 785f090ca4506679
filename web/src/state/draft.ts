import type { ChatSettings } from '@corral/app/contracts/chats';
import type { Attachment } from '../composer/attachments.ts';
import { randomId } from '../ui/browser.ts';

/** A message as it goes out. By its id the server knows it again, whichever tab sends it and however often. */
export interface Message {
  id: string;
  content: string;
  /** When it was written. */
  at: number;
}

export const messageOf = (content: string): Message => ({ id: randomId(), content, at: Date.now() });

/** A message that was sent and of whose arrival the page knows nothing yet. */
export interface Outgoing extends Message {
  /** The last message of the branch that it follows: by it the page knows it again where it did arrive. */
  afterId: string | null;
  /** Why it is said to be unsent; null while it is on its way. */
  problem: string | null;
}

/** What somebody has written in a chat and the server does not have yet. */
export interface Draft {
  text: string;
  attachments: readonly Attachment[];
  outgoing: Outgoing | null;
  /** Whole messages that go out one by one, each when the answer before it is finished. */
  waiting: readonly Message[];
  /** Its chat is in memory only, and its words are not kept beyond the tab; null while that is not known. */
  isTemporary: boolean | null;
  /** What is chosen for the chat that is not there yet; that of other chats is with the server. */
  settings: ChatSettings;
}

/** The draft of the chat that is not there yet. */
export const newDraftId = 'new';

export const joined = (...texts: readonly string[]): string =>
  texts.filter((text) => text !== '').join('\n\n');

/** Takes out again what `joined` made a part of it. */
export function withoutPart(text: string, part: string): string {
  const at = part === '' ? -1 : `\n\n${text}\n\n`.indexOf(`\n\n${part}\n\n`);
  return at < 0 ? text : joined(text.slice(0, Math.max(0, at - 2)), text.slice(at + part.length + 2));
}

export const contentsOf = (messages: readonly Message[]): string[] => messages.map(({ content }) => content);

/** All that stands in it and has not arrived, in the order in which it was written. */
export const wordsOf = ({ outgoing, waiting, text }: Pick<Draft, 'outgoing' | 'waiting' | 'text'>): string =>
  joined(outgoing?.content ?? '', ...contentsOf(waiting), text);

/** Nothing that somebody wrote would be missed. */
export function isEmptyDraft({ text, attachments, outgoing, waiting }: Draft): boolean {
  return text.trim() === '' && attachments.length === 0 && outgoing === null && waiting.length === 0;
}
