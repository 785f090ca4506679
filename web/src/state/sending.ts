import { withAttachments } from '../composer/attachments.ts';
import { reportProblem } from '../ui/problems.ts';
import { makeChat, run } from './actions.ts';
import type { ChatSession } from './chat-session.ts';
import { draftOf, newDraftId, type Draft } from './drafts.ts';
import { onSession } from './sessions.ts';
import type { Store } from './store.ts';

const joined = (...texts: readonly string[]): string => texts.filter((text) => text !== '').join('\n\n');

function giveBack(draft: Store<Draft>, { text, attachments }: Pick<Draft, 'text' | 'attachments'>): void {
  draft.set((now) => ({
    ...now,
    text: joined(text, now.text),
    attachments: [...attachments, ...now.attachments],
  }));
}

/** Sends what stands in the field. What the server does not take stands there again, whatever is shown then. */
export async function sendDraft(session: ChatSession | null): Promise<void> {
  const from = draftOf(session?.id ?? newDraftId);
  const taken = from.get();
  from.set((draft) => ({ ...draft, text: '', attachments: [], sending: taken.text }));
  let to = from;
  try {
    const target = session ?? (await makeChat());
    to = draftOf(target.id);
    const content = withAttachments(taken.text, taken.attachments);
    await run(target, { input: { kind: 'message', content } });
  } catch (error) {
    giveBack(to, taken);
    reportProblem(error);
  } finally {
    from.set((draft) => ({ ...draft, sending: null }));
  }
}

/** Lets what stands in the field wait for the end of the answer that is being written. */
export function queueDraft(session: ChatSession): void {
  draftOf(session.id).set((draft) => ({
    ...draft,
    text: '',
    attachments: [],
    waiting: [...draft.waiting, withAttachments(draft.text, draft.attachments)],
  }));
}

/** Takes a waiting message out; with `isEdited` its text goes back into the field. */
export function unqueue(session: ChatSession, index: number, isEdited: boolean): void {
  draftOf(session.id).set((draft) => ({
    ...draft,
    text: isEdited ? joined(draft.waiting[index] ?? '', draft.text) : draft.text,
    waiting: draft.waiting.filter((_, at) => at !== index),
  }));
}

/** Chats whose next message is on its way; until it is there, no other follows. */
const onTheirWay = new Set<string>();

async function sendFirst(session: ChatSession): Promise<void> {
  onTheirWay.add(session.id);
  const draft = draftOf(session.id);
  const [content = '', ...waiting] = draft.get().waiting;
  draft.set((now) => ({ ...now, waiting, sending: content }));
  try {
    await run(session, { input: { kind: 'message', content } });
  } catch (error) {
    giveBack(draft, { text: content, attachments: [] });
    reportProblem(error);
  } finally {
    onTheirWay.delete(session.id);
    draft.set((now) => ({ ...now, sending: null }));
  }
}

/** After a whole answer the next message goes; after one that was stopped or failed all come back to be thought over. */
function advance(session: ChatSession): void {
  const { status, runIds, path } = session.state.get();
  const draft = draftOf(session.id);
  const { waiting } = draft.get();
  if (status !== 'ready' || runIds.length > 0 || waiting.length === 0 || onTheirWay.has(session.id)) return;
  const last = session.message(path.at(-1) ?? '');
  if (last?.state === 'running') return;
  if (last?.state === 'complete' || last?.state === 'length') {
    void sendFirst(session);
    return;
  }
  draft.set((now) => ({ ...now, text: joined(...waiting, now.text), waiting: [] }));
}

/** Messages that wait go out by themselves, shown or not. */
export function startQueue(): void {
  onSession((session) => session.state.subscribe(() => advance(session)));
}
