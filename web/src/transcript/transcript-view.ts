import { createStore } from '../state/store.ts';
import { whenDrawn } from '../ui/browser.ts';

/** How others bring a message of the shown transcript into view, drawn or not. */
export const transcriptView = createStore<{ show: (messageId: string) => void }>({ show: () => undefined });

/** Far more than a list needs that guesses the heights on the way. */
const maxPictures = 60;

/** The row of a message of the shown transcript, brought into view where it is not drawn; null: it is not to be had. */
export async function drawnRow(messageId: string): Promise<HTMLElement | null> {
  const find = () => document.querySelector<HTMLElement>(`[data-transcript] [data-id="${messageId}"]`);
  if (!find()) transcriptView.get().show(messageId);
  for (let pictures = 0; pictures < maxPictures && !find(); pictures++) await whenDrawn();
  return find();
}
