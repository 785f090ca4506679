import { ApiError } from '../api/request.ts';
import { withAttachments } from '../composer/attachments.ts';
import { reportProblem } from '../ui/problems.ts';
import { makeChat, run } from './actions.ts';
import type { ChatSession } from './chat-session.ts';
import {
  contentsOf,
  joined,
  messageOf,
  newDraftId,
  wordsOf,
  type Draft,
  type Message,
  type Outgoing,
} from './draft.ts';
import { draftOf, dropFromOthers, isDraftKnown } from './drafts.ts';
import { wantEnd } from './end-wanted.ts';
import { chatsThatWait } from './kept-drafts.ts';
import { resetNewChat } from './new-chat.ts';
import { onSession, sessionOf } from './sessions.ts';
import type { Store } from './store.ts';

/**
 * The server knows a message again for a day. What waits longer than this was written in a tab that was not there for
 * most of the time: somebody is to look at it before it goes out, it may be for the second time.
 */
const maxWaitMs = 12 * 60 * 60 * 1000;

type Written = Pick<Draft, 'text' | 'attachments'>;

const nothing: Written = { text: '', attachments: [] };

/** A message that this tab need not think of any more. */
interface Settled {
  chatId: string;
  message: Message;
  /** By somebody, and it does not go out; else the server has it. */
  isTakenOut: boolean;
}

/**
 * A copy of this tab has what waits here as well. Others may have its words in their field, as those of a draft that
 * all tabs share; or they have not read them, and need not.
 */
const otherTabs = new BroadcastChannel('corral.waiting');
otherTabs.addEventListener('message', ({ data }: MessageEvent<Settled>) => {
  if (data.isTakenOut) takeOut(data);
  dropFromOthers(data.chatId, data.message.content);
});

function takeOut({ chatId, message }: Settled): void {
  if (!isDraftKnown(chatId) && !chatsThatWait().includes(chatId)) return;
  draftOf(chatId).set((draft) =>
    draft.waiting.some(({ id }) => id === message.id)
      ? { ...draft, waiting: draft.waiting.filter(({ id }) => id !== message.id) }
      : draft,
  );
}

function tellSettled(settled: Settled): void {
  otherTabs.postMessage(settled);
}

/** Where others have read the first message of a chat, it may have been one for the chat that was not there yet. */
function tellOutgoingSettled(chatId: string, message: Outgoing, isTakenOut: boolean): void {
  tellSettled({ chatId, message, isTakenOut });
  if (message.afterId === null) tellSettled({ chatId: newDraftId, message, isTakenOut });
}

/** What waits behind it comes along: it was written to follow, and is to be thought over too. */
function giveBack(draft: Store<Draft>, { text, attachments }: Written): void {
  draft.set((now) => ({
    ...now,
    outgoing: null,
    text: joined(text, ...contentsOf(now.waiting), now.text),
    attachments: [...attachments, ...now.attachments],
    waiting: [],
  }));
}

/** The server has what was on its way. */
function settle({ id }: ChatSession): void {
  const draft = draftOf(id);
  const { outgoing } = draft.get();
  if (!outgoing) return;
  draft.set((now) => ({ ...now, outgoing: null }));
  tellOutgoingSettled(id, outgoing, false);
}

/** Nobody knows whether it arrived, unless the chat itself can be looked at. */
async function sayUnsent(draft: Store<Draft>, problem: string, session: ChatSession | null): Promise<void> {
  draft.set((now) => ({ ...now, outgoing: now.outgoing && { ...now.outgoing, problem } }));
  await session?.load();
  if (session) findArrived(session);
}

/** After another message than the last one that is shown now: by a copy of this tab, or before it was brought back. */
async function wasSentBefore(session: ChatSession, message: Message, error: unknown): Promise<boolean> {
  if (!(error instanceof ApiError && error.code === 'idempotency-mismatch')) return false;
  await session.load();
  const isHere = session
    .messages()
    .some(({ role, content }) => role === 'user' && content === message.content);
  if (isHere) {
    settle(session);
    advance(session);
  }
  return isHere;
}

const lastOf = (session: ChatSession | null): string | null => session?.state.get().path.at(-1) ?? null;

/**
 * Brings a message to the server. One that it refuses is given back; one of which nobody knows whether it arrived
 * stays where it is, to be sent again or to be found in the chat.
 */
async function deliver(session: ChatSession | null, message: Message, written: Written): Promise<void> {
  const from = draftOf(session?.id ?? newDraftId);
  let to = from;
  let target = session;
  from.set((draft) => ({ ...draft, outgoing: { ...message, afterId: lastOf(session), problem: null } }));
  try {
    target ??= await makeChat();
    to = draftOf(target.id);
    if (to !== from) {
      // What was typed meanwhile goes on in the chat that was made.
      const { text, attachments } = from.get();
      from.set((draft) => ({ ...draft, ...nothing, outgoing: null }));
      resetNewChat();
      to.set((draft) => ({
        ...draft,
        text,
        attachments,
        outgoing: { ...message, afterId: null, problem: null },
      }));
    }
    await run(target, { input: { kind: 'message', content: message.content } }, message.id);
    settle(target);
  } catch (error) {
    if (error instanceof ApiError && error.isUnreachable) {
      await sayUnsent(to, error.message, target);
    } else if (!target || !(await wasSentBefore(target, message, error))) {
      giveBack(to, written);
      reportProblem(error);
    }
  }
}

/** Sends what stands in the field. */
export async function sendDraft(session: ChatSession | null): Promise<void> {
  const draft = draftOf(session?.id ?? newDraftId);
  const { text, attachments } = draft.get();
  wantEnd();
  draft.set((now) => ({ ...now, ...nothing }));
  await deliver(session, messageOf(withAttachments(text, attachments)), { text, attachments });
}

/** Its messages are here, or cannot be had. */
function whenLoaded({ state }: ChatSession): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (state.get().status === 'loading') return;
      leave();
      resolve();
    };
    const leave = state.subscribe(look);
    look();
  });
}

/** Sends what was sent before the page was here; where an answer is being written, after it. */
export async function sendEarly(session: ChatSession | null, content: string): Promise<void> {
  const message = messageOf(content);
  if (session) {
    const draft = draftOf(session.id);
    draft.set((now) => ({ ...now, outgoing: { ...message, afterId: null, problem: null } }));
    await whenLoaded(session);
    if (session.state.get().runIds.length > 0) {
      draft.set((now) => ({ ...now, outgoing: null, waiting: [...now.waiting, message] }));
      return;
    }
  }
  await deliver(session, message, { text: content, attachments: [] });
}

/** Sends once more what is said to be unsent; where it had arrived, the server knows it again. */
export async function resend(session: ChatSession | null): Promise<void> {
  const { outgoing } = draftOf(session?.id ?? newDraftId).get();
  if (!outgoing) return;
  const { id, content, at } = outgoing;
  wantEnd();
  await deliver(session, { id, content, at }, { text: content, attachments: [] });
}

/** Gives up what is said to be unsent; with `isEdited` its text goes back into the field. */
export function withdraw(session: ChatSession | null, isEdited: boolean): void {
  const chatId = session?.id ?? newDraftId;
  const draft = draftOf(chatId);
  const { outgoing } = draft.get();
  if (!outgoing) return;
  giveBack(draft, isEdited ? { text: outgoing.content, attachments: [] } : nothing);
  tellOutgoingSettled(chatId, outgoing, true);
}

/** What was written in a chat that is gone goes on in the one that is not there yet. */
export function takeAlong(session: ChatSession): void {
  const from = draftOf(session.id);
  const left = from.get();
  from.set((draft) => ({ ...draft, ...nothing, outgoing: null, waiting: [] }));
  draftOf(newDraftId).set((now) => ({
    ...now,
    text: joined(now.text, wordsOf(left)),
    attachments: [...now.attachments, ...left.attachments],
    isTemporary: left.isTemporary || now.isTemporary,
  }));
}

/** Lets what stands in the field wait for the end of the answer that is being written. */
export function queueDraft(session: ChatSession): void {
  draftOf(session.id).set((draft) => ({
    ...draft,
    ...nothing,
    waiting: [...draft.waiting, messageOf(withAttachments(draft.text, draft.attachments))],
  }));
}

/** Takes a waiting message out; with `isEdited` its text goes back into the field. */
export function unqueue(session: ChatSession, message: Message, isEdited: boolean): void {
  draftOf(session.id).set((draft) => ({
    ...draft,
    text: isEdited ? joined(message.content, draft.text) : draft.text,
    waiting: draft.waiting.filter(({ id }) => id !== message.id),
  }));
  tellSettled({ chatId: session.id, message, isTakenOut: true });
}

/** What was said to be unsent may be in the chat all the same: only the answer to it was lost. */
function findArrived(session: ChatSession): void {
  const draft = draftOf(session.id);
  const { outgoing } = draft.get();
  if (!outgoing || outgoing.problem === null) return;
  const isHere = session
    .messages()
    .some(
      ({ role, parentId, content }) =>
        role === 'user' && parentId === outgoing.afterId && content === outgoing.content,
    );
  if (!isHere) return;
  settle(session);
}

/** The runs that were seen at work last, of each chat. */
const lastRuns = new WeakMap<ChatSession, readonly string[]>();

/**
 * After a whole answer the next message goes; after one that was stopped or failed, or where it waits for too long, all
 * come back to be thought over.
 */
function sendWaiting(session: ChatSession, draft: Store<Draft>): void {
  const { waiting } = draft.get();
  const last = session.writtenBy(lastRuns.get(session) ?? []);
  if (last?.state === 'running') return;
  const [next, ...rest] = waiting;
  if (!next) return;
  const isWhole = last?.state === 'complete' || last?.state === 'length';
  if (isWhole && Date.now() - next.at < maxWaitMs) {
    draft.set((now) => ({ ...now, waiting: rest }));
    void deliver(session, next, { text: next.content, attachments: [] });
    return;
  }
  draft.set((now) => ({ ...now, text: joined(...contentsOf(waiting), now.text), waiting: [] }));
}

function advance(session: ChatSession): void {
  const { status, chat, runIds } = session.state.get();
  if (runIds.length > 0) lastRuns.set(session, runIds);
  if (status !== 'ready') return;
  const draft = draftOf(session.id);
  const isTemporary = chat?.temporary ?? null;
  if (draft.get().isTemporary !== isTemporary) draft.set((now) => ({ ...now, isTemporary }));
  findArrived(session);
  const { waiting, outgoing } = draft.get();
  if (runIds.length === 0 && waiting.length > 0 && !outgoing) sendWaiting(session, draft);
}

/** Messages that wait go out by themselves, shown or not. */
export function startQueue(): void {
  onSession((session) => session.state.subscribe(() => advance(session)));
  for (const chatId of chatsThatWait()) sessionOf(chatId);
}
