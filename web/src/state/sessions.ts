import { ChatSession } from './chat-session.ts';
import { draftOf } from './drafts.ts';
import { currentRoute } from './route.ts';

/** Chats kept ready beside the shown one, so that going back is instant and answers go on. */
const keptSessions = 6;
const sessions = new Map<string, ChatSession>();
let whenMade: (session: ChatSession) => void = () => undefined;

/** Told of every session that begins; there is one such listener. */
export function onSession(listener: (session: ChatSession) => void): void {
  whenMade = listener;
}

export function sessionOf(chatId: string): ChatSession {
  const known = sessions.get(chatId);
  if (known) {
    sessions.delete(chatId);
    sessions.set(chatId, known);
    return known;
  }
  makeRoom();
  const session = new ChatSession(chatId);
  sessions.set(chatId, session);
  whenMade(session);
  const route = currentRoute.get();
  // Who comes for one message may want any of them.
  const isForMessage = route.view === 'chat' && route.chatId === chatId && route.messageId !== undefined;
  void (isForMessage ? session.load() : session.open());
  return session;
}

export function openSessions(): Iterable<ChatSession> {
  return sessions.values();
}

export function findSession(chatId: string): ChatSession | undefined {
  return sessions.get(chatId);
}

export function forgetSession(chatId: string): void {
  sessions.get(chatId)?.close();
  sessions.delete(chatId);
}

/** Its answer is being written, or messages wait for the end of one. */
const isBusy = ({ id, state }: ChatSession): boolean =>
  state.get().runIds.length > 0 || draftOf(id).get().waiting.length > 0;

/** For one that is not among them yet, so that it never is what has to go, even where all others are busy. */
function makeRoom(): void {
  for (const [id, session] of sessions) {
    if (sessions.size < keptSessions) return;
    if (isBusy(session)) continue;
    session.close();
    sessions.delete(id);
  }
}
