import type { ChatSettings } from '@corral/app/contracts/chats';
import type { Attachment } from '../composer/attachments.ts';
import { strings } from '../strings.ts';
import { remembered, rememberedInTab } from '../ui/browser.ts';
import { showToast } from '../ui/toasts.tsx';
import { checkLastModel, lastModel } from './last-model.ts';
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
  /** Its chat is in memory only, and its words are to be on no disk either; null while that is not known. */
  isTemporary: boolean | null;
}

/** What is chosen for the chat that is not there yet. */
export interface NewChat {
  settings: ChatSettings;
  isTemporary: boolean;
}

/** The draft of the chat that is not there yet. */
export const newDraftId = 'new';

/** Browsers give an origin about 5 MB; one huge text must not push out the others. */
const maxKeptCharacters = 400_000;
const keptDrafts = 40;
const restMs = 250;

const drafts = new Map<string, Store<Draft>>();
const changed = new Set<string>();
/** Drafts of chats that were erased. */
const gone = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** What this tab alone keeps across a reload: all of a draft, as far as there is room. */
interface DraftOfTab {
  text: string;
  attachments: readonly Attachment[];
  /** Names of files for which there was no room. */
  leftOut: readonly string[];
  outgoing: Pick<Outgoing, 'content' | 'afterId'> | null;
  waiting: readonly string[];
  isTemporary: boolean | null;
  /** Beside the first message of a chat: it is sent as it was meant. */
  newChat?: NewChat;
}

const nothing: Draft = { text: '', attachments: [], outgoing: null, waiting: [], isTemporary: true };

const readTexts = (): Record<string, string> => remembered.read('drafts', {});
/** What an earlier version of the page kept may lack a part. */
const readInTab = (): Record<string, Partial<DraftOfTab>> => rememberedInTab.read('unsent', {});

/** It goes on with the model of the last chat, which is its own setting from then on. */
function begun(isTemporary = false): NewChat {
  const model = lastModel();
  return { settings: model === undefined ? {} : { model }, isTemporary };
}

/** What the new chat began with; its settings are the same object until somebody chooses something else. */
let unchosen = begun();
export const newChat = createStore<NewChat>(readInTab()[newDraftId]?.newChat ?? unchosen);
newChat.subscribe(() => saveSoon(newDraftId));

/** Unless something is written for it already: that goes out as it was meant. */
export function resetNewChat(): void {
  if (!isEmptyDraft(draftOf(newDraftId).get())) return;
  unchosen = begun();
  newChat.set(unchosen);
}

/** What it began with may have changed meanwhile, or be the wrong thing to begin with. */
export async function checkNewChat(): Promise<void> {
  await checkLastModel();
  const { settings, isTemporary } = newChat.get();
  if (settings !== unchosen.settings || settings.model === lastModel()) return;
  unchosen = begun(isTemporary);
  newChat.set(unchosen);
}

/** The draft of a chat, the same for everyone who asks; its text outlives the tab, the rest of it a reload. */
export function draftOf(chatId: string): Store<Draft> {
  const known = drafts.get(chatId);
  if (known) return known;
  const { text, attachments, leftOut, outgoing, waiting, isTemporary } = keptOf(chatId);
  const draft = createStore<Draft>({
    text,
    attachments,
    outgoing: outgoing && { ...outgoing, problem: strings.composer.leftOnItsWay },
    waiting,
    isTemporary,
  });
  tellLeftOut(leftOut);
  draft.subscribe(() => saveSoon(chatId));
  drafts.set(chatId, draft);
  return draft;
}

/** What goes out or waits is of this tab only: two tabs would both send it. */
function keptOf(chatId: string): DraftOfTab {
  const text = readTexts()[chatId] ?? '';
  return { ...nothing, leftOut: [], isTemporary: null, text, ...readInTab()[chatId] };
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

function ofTab({ text, attachments, outgoing, waiting, isTemporary }: Draft): DraftOfTab {
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
    isTemporary,
  };
}

/** Where nobody knows yet what kind of chat it is, what is on the disk stays as it is. */
function withText(texts: Record<string, string>, id: string, draft: Draft): Record<string, string> {
  const isTemporary = id === newDraftId ? newChat.get().isTemporary : draft.isTemporary;
  if (isTemporary === null) return texts;
  // Taken out first, so that the newest are the last ones.
  const { [id]: _before, ...others } = texts;
  const all = joined(draft.outgoing?.content ?? '', draft.text);
  if (isTemporary || all === '' || all.length > maxKeptCharacters) return others;
  return { ...others, [id]: all };
}

const newest = <Value>(kept: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(kept).slice(-keptDrafts));

function save(): void {
  clearTimeout(timer);
  let texts = readTexts();
  const inTab = readInTab();
  for (const id of changed) {
    const draft = gone.has(id) ? nothing : draftOf(id).get();
    texts = withText(texts, id, draft);
    delete inTab[id];
    if (!isEmptyDraft(draft))
      inTab[id] = { ...ofTab(draft), ...(id === newDraftId ? { newChat: newChat.get() } : {}) };
  }
  changed.clear();
  remembered.write('drafts', newest(texts));
  rememberedInTab.write('unsent', newest(inTab));
}

/** Its chat is gone for good: nothing of it stays in this browser but what is still on the page. */
export function dropKept(chatId: string): void {
  gone.add(chatId);
  saveSoon(chatId);
}

addEventListener('pagehide', save);
