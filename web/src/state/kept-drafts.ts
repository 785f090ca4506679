import { remembered, rememberedInTab } from '../ui/browser.ts';
import {
  isEmptyDraft,
  joined,
  messageOf,
  newDraftId,
  type Draft,
  type Message,
  type Outgoing,
  wordsOf,
} from './draft.ts';
import { fitting, maxKeptCharacters } from './fitting.ts';

const keptDrafts = 40;
/** Some browsers give a tab no more than two million, and rewordings have a part of it. */
const maxTabCharacters = 1_500_000;

/** What a tab alone keeps across a reload: all of a draft, as far as there is room. */
interface DraftOfTab extends Omit<Draft, 'outgoing'> {
  outgoing: Omit<Outgoing, 'problem'> | null;
  /** Names of files for which there was no room. */
  leftOut: readonly string[];
  /** Its text is what all tabs have on the disk, where another one may have gone on with it since. */
  isShared: boolean;
}

const readTexts = (): Record<string, string> => remembered.read('drafts', {});
/** What an earlier version of the page kept may lack a part. */
const readInTab = (): Record<string, Partial<DraftOfTab>> => rememberedInTab.read('unsent', {});

/** Drafts of which this tab has words on the disk: what another one has there it leaves alone. */
const onDisk = new Set<string>();

/** Earlier versions of the page kept messages without their ids, or their time. */
const withId = (message: string | Message): Message =>
  typeof message === 'string' ? messageOf(message) : { ...messageOf(message.content), ...message };

/**
 * What goes out or waits is of this tab, or of a copy of it: browsers make one with all that the tab keeps. For others
 * its words are part of the text.
 */
export function keptOf(chatId: string): DraftOfTab {
  const inTab = readInTab()[chatId];
  const onDiskNow = readTexts()[chatId];
  const kept: DraftOfTab = {
    text: '',
    attachments: [],
    outgoing: null,
    waiting: [],
    isTemporary: chatId === newDraftId ? false : null,
    settings: {},
    leftOut: [],
    isShared: inTab === undefined,
    ...inTab,
  };
  kept.waiting = kept.waiting.map(withId);
  if (kept.outgoing) kept.outgoing = { ...kept.outgoing, ...withId(kept.outgoing) };
  if (onDiskNow !== undefined && !kept.isTemporary) onDisk.add(chatId);
  return kept.isShared ? { ...kept, text: onDiskNow ?? '' } : kept;
}

/** Chats of which this tab has messages that wait. */
export const chatsThatWait = (): string[] =>
  Object.entries(readInTab())
    .filter(([, { waiting = [] }]) => waiting.length > 0)
    .map(([chatId]) => chatId);

/** All of it where there is room; else what stands in the field is kept before what left it. */
const wordsForDisk = (draft: Draft): string =>
  [wordsOf(draft), joined(draft.outgoing?.content ?? '', draft.text), draft.text].find(
    (words) => words.length <= maxKeptCharacters,
  ) ?? '';

function withoutProblem(message: Outgoing): Omit<Outgoing, 'problem'> {
  const { problem: _, ...outgoing } = message;
  return outgoing;
}

function ofTab(draft: Draft, textOnDisk: string): DraftOfTab {
  const { outgoing, waiting, text } = draft;
  const attachments = fitting(draft.attachments, maxKeptCharacters - wordsOf(draft).length);
  return {
    ...draft,
    attachments,
    leftOut: draft.attachments.filter((file) => !attachments.includes(file)).map(({ name }) => name),
    outgoing: outgoing && withoutProblem(outgoing),
    isShared: !outgoing && waiting.length === 0 && !draft.isTemporary && text === textOnDisk,
  };
}

/** Where nobody knows yet what kind of chat it is, what is on the disk stays as it is. */
function withText(texts: Record<string, string>, id: string, draft: Draft): Record<string, string> {
  if (draft.isTemporary === null) return texts;
  const words = draft.isTemporary ? '' : wordsForDisk(draft);
  const isForDisk = words !== '';
  if (!isForDisk && !onDisk.delete(id)) return texts;
  // Taken out first, so that the newest are the last ones.
  const { [id]: _before, ...others } = texts;
  if (!isForDisk) return others;
  onDisk.add(id);
  return { ...others, [id]: words };
}

const newest = <Value>(kept: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(kept).slice(-keptDrafts));

/** That a chat is temporary is to be known before anything is written in it, also where it does not answer any more. */
const isWorthKeeping = (id: string, draft: Draft): boolean =>
  !isEmptyDraft(draft) || (draft.isTemporary === true && id !== newDraftId);

/** One draft more than fits and the browser keeps nothing: the oldest lose their files first. */
function withinTab(kept: Record<string, Partial<DraftOfTab>>): Record<string, Partial<DraftOfTab>> {
  let room = maxTabCharacters;
  const fitting = Object.entries(kept)
    .toReversed()
    .map(([id, draft]): [string, Partial<DraftOfTab>] => {
      const { attachments = [], leftOut = [] } = draft;
      room -= JSON.stringify(draft).length;
      return room >= 0
        ? [id, draft]
        : [id, { ...draft, attachments: [], leftOut: [...leftOut, ...attachments.map(({ name }) => name)] }];
    });
  return Object.fromEntries(fitting.toReversed());
}

/** Texts outlive the tab; the rest outlives a reload. */
export function keepDrafts(changed: ReadonlyMap<string, Draft>): void {
  if (changed.size === 0) return;
  let texts = readTexts();
  for (const [id, draft] of changed) texts = withText(texts, id, draft);
  remembered.write('drafts', newest(texts));
  // Read again: a browser may refuse to keep anything.
  texts = readTexts();
  const inTab = readInTab();
  for (const [id, draft] of changed) {
    delete inTab[id];
    if (isWorthKeeping(id, draft)) inTab[id] = ofTab(draft, texts[id] ?? '');
  }
  rememberedInTab.write('unsent', withinTab(newest(inTab)));
}

/** Nothing of it stays in this browser. */
export function forgetDraft(chatId: string): void {
  onDisk.delete(chatId);
  const { [chatId]: _text, ...texts } = readTexts();
  remembered.write('drafts', texts);
  const { [chatId]: _draft, ...inTab } = readInTab();
  rememberedInTab.write('unsent', inTab);
}
