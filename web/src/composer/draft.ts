import { remembered } from '../ui/browser.ts';

const maxDraftCharacters = 200_000;
const keptDrafts = 40;

type Drafts = Record<string, string>;

/** What was typed and not sent, per chat; it outlives the tab. */
export function readDraft(chatId: string): string {
  return remembered.read<Drafts>('drafts', {})[chatId] ?? '';
}

export function writeDraft(chatId: string, text: string): void {
  const drafts = remembered.read<Drafts>('drafts', {});
  delete drafts[chatId];
  if (text !== '' && text.length <= maxDraftCharacters) drafts[chatId] = text;
  const entries = Object.entries(drafts).slice(-keptDrafts);
  remembered.write('drafts', Object.fromEntries(entries));
}
