import type { Attachment } from '../composer/attachments.ts';
import { remembered, rememberedInTab } from '../ui/browser.ts';
import { createStore, type Store } from './store.ts';

/** What somebody has written in a chat and the server does not have yet. */
export interface Draft {
  text: string;
  attachments: readonly Attachment[];
  /** On its way to the server; kept with the draft until it has arrived. */
  sending: string | null;
  /** Whole messages that go out one by one, each when the answer before it is finished. */
  waiting: readonly string[];
}

/** The draft of the chat that is not there yet. */
export const newDraftId = 'new';

/** Browsers give an origin about 5 MB; one huge text must not push out the others. */
const maxKeptCharacters = 400_000;
const keptDrafts = 40;
const restMs = 250;

const drafts = new Map<string, Store<Draft>>();
const changed = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** The draft of a chat, the same for everyone who asks; its text outlives the tab, what waits a reload. */
export function draftOf(chatId: string): Store<Draft> {
  const known = drafts.get(chatId);
  if (known) return known;
  const draft = createStore<Draft>({
    text: remembered.read<Record<string, string>>('drafts', {})[chatId] ?? '',
    attachments: [],
    sending: null,
    // Of this tab only: two tabs would both send it.
    waiting: rememberedInTab.read<Record<string, string[]>>('waiting', {})[chatId] ?? [],
  });
  draft.subscribe(() => {
    changed.add(chatId);
    clearTimeout(timer);
    timer = setTimeout(save, restMs);
  });
  drafts.set(chatId, draft);
  return draft;
}

function save(): void {
  clearTimeout(timer);
  const texts = remembered.read<Record<string, string>>('drafts', {});
  const waiting = rememberedInTab.read<Record<string, readonly string[]>>('waiting', {});
  for (const id of changed) {
    const draft = draftOf(id).get();
    const text = draft.sending ?? draft.text;
    // Taken out first, so that the newest are the last ones.
    delete texts[id];
    delete waiting[id];
    if (text !== '' && text.length <= maxKeptCharacters) texts[id] = text;
    if (draft.waiting.length > 0) waiting[id] = draft.waiting;
  }
  changed.clear();
  remembered.write('drafts', Object.fromEntries(Object.entries(texts).slice(-keptDrafts)));
  rememberedInTab.write('waiting', waiting);
}

addEventListener('pagehide', save);
