import type { Attachment } from '../composer/attachments.ts';
import { strings } from '../strings.ts';
import { remembered, rememberedInTab } from '../ui/browser.ts';
import { showToast } from '../ui/toasts.tsx';
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

/** What this tab alone keeps across a reload: all of a draft, as far as there is room. */
interface DraftOfTab {
  text: string;
  attachments: readonly Attachment[];
  /** Names of files for which there was no room. */
  leftOut: readonly string[];
  outgoing: Pick<Outgoing, 'content' | 'afterId'> | null;
  waiting: readonly string[];
}

const readTexts = (): Record<string, string> => remembered.read('drafts', {});
/** What an earlier version of the page kept may lack a part. */
const readInTab = (): Record<string, Partial<DraftOfTab>> => rememberedInTab.read('unsent', {});

/** The draft of a chat, the same for everyone who asks; its text outlives the tab, the rest of it a reload. */
export function draftOf(chatId: string): Store<Draft> {
  const known = drafts.get(chatId);
  if (known) return known;
  // Of this tab only: two tabs would both send it.
  const inTab = readInTab()[chatId];
  const draft = createStore<Draft>({
    text: inTab?.text ?? readTexts()[chatId] ?? '',
    attachments: inTab?.attachments ?? [],
    outgoing: inTab?.outgoing ? { problem: strings.composer.leftOnItsWay, ...inTab.outgoing } : null,
    waiting: inTab?.waiting ?? [],
  });
  tellLeftOut(inTab?.leftOut ?? []);
  draft.subscribe(() => saveSoon(chatId));
  drafts.set(chatId, draft);
  return draft;
}

/** Not at once: drafts are asked for while the page is being drawn. */
function tellLeftOut(names: readonly string[]): void {
  for (const name of names)
    queueMicrotask(() => showToast({ text: strings.composer.leftOut(name), kind: 'problem' }));
}

export const joined = (...texts: readonly string[]): string =>
  texts.filter((text) => text !== '').join('\n\n');

/** Nothing that somebody wrote would be missed. */
export function isEmptyDraft({ text, attachments, outgoing, waiting }: Draft): boolean {
  return text.trim() === '' && attachments.length === 0 && outgoing === null && waiting.length === 0;
}

function saveSoon(chatId: string): void {
  changed.add(chatId);
  clearTimeout(timer);
  timer = setTimeout(save, restMs);
}

function ofTab({ text, attachments, outgoing, waiting }: Draft): DraftOfTab {
  const { content = '', afterId = null } = outgoing ?? {};
  let room = maxKeptCharacters - joined(content, ...waiting, text).length;
  const kept = attachments.filter((file) => {
    const hasRoom = file.text.length <= room;
    if (hasRoom) room -= file.text.length;
    return hasRoom;
  });
  return {
    text,
    attachments: kept,
    leftOut: attachments.filter((file) => !kept.includes(file)).map(({ name }) => name),
    outgoing: outgoing && { content, afterId },
    waiting,
  };
}

const newest = <Value>(kept: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(kept).slice(-keptDrafts));

function save(): void {
  clearTimeout(timer);
  const texts = readTexts();
  const inTab = readInTab();
  for (const id of changed) {
    const draft = draftOf(id).get();
    const all = joined(draft.outgoing?.content ?? '', draft.text);
    // Taken out first, so that the newest are the last ones.
    delete texts[id];
    delete inTab[id];
    if (all !== '' && all.length <= maxKeptCharacters) texts[id] = all;
    if (!isEmptyDraft(draft)) inTab[id] = ofTab(draft);
  }
  changed.clear();
  remembered.write('drafts', newest(texts));
  rememberedInTab.write('unsent', newest(inTab));
}

addEventListener('pagehide', save);
