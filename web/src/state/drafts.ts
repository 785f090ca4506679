import { strings } from '../strings.ts';
import { showToast } from '../ui/toasts.tsx';
import type { Draft } from './draft.ts';
import { forgetDraft, keepDrafts, keptOf } from './kept-drafts.ts';
import { endRewordings } from './rewordings.ts';
import { savedAtRest } from './saved-at-rest.ts';
import { createStore, type Store } from './store.ts';

const drafts = new Map<string, Store<Draft>>();
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
  const { leftOut, isShared: _, outgoing, ...kept } = keptOf(chatId);
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
