import { reword, rewordings } from '../state/rewordings.ts';
import { createStore } from '../state/store.ts';

/**
 * The message whose editor takes the focus as soon as it is drawn, for its row may be far out of view. Later drawings of
 * the row take the focus from nobody.
 */
export const wantedEditor = createStore<string | null>(null);

/** Opens a message to be reworded; what is in its editor already stays. */
export function openEditor(messageId: string, text: string): void {
  if (!rewordings.get().has(messageId)) reword(messageId, text);
  wantedEditor.set(messageId);
}
