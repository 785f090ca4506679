import { rememberedInTab } from '../ui/browser.ts';
import { fitting, maxKeptCharacters } from './fitting.ts';
import { currentRoute } from './route.ts';
import { savedAtRest } from './saved-at-rest.ts';
import { createStore } from './store.ts';

const keptName = 'rewordings';

interface Kept {
  messageId: string;
  chatId: string;
  text: string;
}

const kept = rememberedInTab.read<Kept[]>(keptName, []);

/** What stands in the editors of messages that are being reworded, by the messages' ids; it outlives their rows. */
export const rewordings = createStore<ReadonlyMap<string, string>>(
  new Map(kept.map(({ messageId, text }) => [messageId, text])),
);
/** The chat of each message that was reworded in this tab. */
const chatIds = new Map(kept.map(({ messageId, chatId }) => [messageId, chatId]));

/** The newest outlive a reload too, as far as there is room. */
function keep(): void {
  const newestFirst = [...rewordings.get()]
    .toReversed()
    .map(([messageId, text]): Kept => ({ messageId, chatId: chatIds.get(messageId) ?? '', text }));
  const all = fitting(newestFirst, maxKeptCharacters);
  rememberedInTab.write(keptName, all.length > 0 ? all.toReversed() : undefined);
}

rewordings.subscribe(savedAtRest(keep));

export function reword(messageId: string, text: string): void {
  const route = currentRoute.get();
  // Only what is shown is reworded.
  if (route.view === 'chat') chatIds.set(messageId, route.chatId);
  rewordings.set((all) => new Map(all).set(messageId, text));
}

const endWhere = (isOver: (messageId: string) => boolean): void =>
  rewordings.set((all) => new Map([...all].filter(([id]) => !isOver(id))));

export function endRewording(messageId: string): void {
  endWhere((id) => id === messageId);
}

/** Their chat is gone for good. */
export function endRewordings(chatId: string): void {
  endWhere((id) => chatIds.get(id) === chatId);
}
