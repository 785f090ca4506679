import type { Attachment } from '../composer/attachments.ts';
import { strings } from '../strings.ts';
import { remembered, rememberedInTab } from '../ui/browser.ts';
import { createStore, type Store } from './store.ts';

/** A message that was sent and of whose arrival the page knows nothing yet. */
export interface Outgoing {
  content: string;
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
  // Of this tab only: two tabs would both send it.
  const inTab = rememberedInTab.read<Record<string, DraftOfTab>>('unsent', {})[chatId];
  const draft = createStore<Draft>({
    text: inTab?.outgoing
      ? inTab.text
      : (remembered.read<Record<string, string>>('drafts', {})[chatId] ?? ''),
    attachments: [],
    outgoing: inTab?.outgoing ? { problem: strings.composer.leftOnItsWay, ...inTab.outgoing } : null,
    waiting: inTab?.waiting ?? [],
  });
  draft.subscribe(() => {
    changed.add(chatId);
    clearTimeout(timer);
    timer = setTimeout(save, restMs);
  });
  drafts.set(chatId, draft);
  return draft;
}

/** What goes out or waits beside the field, and what is in the field then. */
interface DraftOfTab {
  text: string;
  outgoing: Pick<Outgoing, 'content' | 'afterId'> | null;
  waiting: readonly string[];
}

export const joined = (...texts: readonly string[]): string =>
  texts.filter((text) => text !== '').join('\n\n');

function save(): void {
  clearTimeout(timer);
  const texts = remembered.read<Record<string, string>>('drafts', {});
  const inTab = rememberedInTab.read<Record<string, DraftOfTab>>('unsent', {});
  for (const id of changed) {
    const { text, outgoing, waiting } = draftOf(id).get();
    const { content = '', afterId = null } = outgoing ?? {};
    const all = joined(content, text);
    // Taken out first, so that the newest are the last ones.
    delete texts[id];
    delete inTab[id];
    if (all !== '' && all.length <= maxKeptCharacters) texts[id] = all;
    if (outgoing || waiting.length > 0)
      inTab[id] = { text, outgoing: outgoing && { content, afterId }, waiting };
  }
  changed.clear();
  remembered.write('drafts', Object.fromEntries(Object.entries(texts).slice(-keptDrafts)));
  rememberedInTab.write('unsent', inTab);
}

addEventListener('pagehide', save);
