import { strings } from '../strings.ts';
import { showToast } from '../ui/toasts.tsx';
import { withoutPart, type Draft } from './draft.ts';
import { forgetDraft, keepDrafts, keptOf } from './kept-drafts.ts';
import { endRewordings } from './rewordings.ts';
import { savedAtRest } from './saved-at-rest.ts';
import { createStore, type Store } from './store.ts';

const drafts = new Map<string, Store<Draft>>();
/** What this tab has read of a draft that all tabs share: what another one sends of it, or throws away, is to go. */
const fromOthers = new Map<string, string>();
const changed = new Set<string>();

const saveAtRest = savedAtRest(() => {
  keepDrafts(new Map([...changed].map((id) => [id, draftOf(id).get()])));
  changed.clear();
});

/** Somebody has asked for it: this tab has its own words of it, whatever other tabs do. */
export const isDraftKnown = (chatId: string): boolean => drafts.has(chatId);

/** The draft of a chat, the same for everyone who asks; its text outlives the tab, the rest of it a reload. */
export function draftOf(chatId: string): Store<Draft> {
  const known = drafts.get(chatId);
  if (known) return known;
  const { leftOut, isShared, outgoing, ...kept } = keptOf(chatId);
  if (isShared) fromOthers.set(chatId, kept.text);
  const draft = createStore<Draft>({
    ...kept,
    outgoing: outgoing && { ...outgoing, problem: strings.composer.leftOnItsWay },
  });
  draft.subscribe(() => saveSoon(chatId));
  if (leftOut.length > 0) {
    tellLeftOut(leftOut);
    // Told once.
    saveSoon(chatId);
  }
  drafts.set(chatId, draft);
  return draft;
}

/** Words of it that came here from the tab in which they were written are done with there: it sent or dropped them. */
export function dropFromOthers(chatId: string, words: string): void {
  const draft = drafts.get(chatId);
  const before = fromOthers.get(chatId) ?? '';
  const after = withoutPart(before, words);
  if (!draft || after === before) return;
  fromOthers.set(chatId, after);
  const isUnsaved = changed.has(chatId);
  draft.set((now) => ({ ...now, text: withoutPart(now.text, words) }));
  // What is left of them on the disk is the business of that tab, where somebody may just be typing.
  if (!isUnsaved) changed.delete(chatId);
}

/** Not at once: drafts are asked for while the page is being drawn. */
function tellLeftOut(names: readonly string[]): void {
  for (const name of names)
    queueMicrotask(() => showToast({ text: strings.composer.leftOut(name), kind: 'problem' }));
}

function saveSoon(chatId: string): void {
  changed.add(chatId);
  saveAtRest();
}

/** Its chat is gone for good: of what stood in it only that is kept again in which somebody goes on writing. */
export function dropKept(chatId: string): void {
  changed.delete(chatId);
  forgetDraft(chatId);
  endRewordings(chatId);
}
