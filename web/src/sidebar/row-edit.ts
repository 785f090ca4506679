import { createStore } from '../state/store.ts';

export interface RowEdit {
  chatId: string;
  what: 'title' | 'tag';
  text: string;
}

/** What is being written in the place of a chat's row. It outlives the row, which is made anew where it moves. */
export const rowEdit = createStore<RowEdit | null>(null);

export function endRowEdit(): void {
  rowEdit.set(null);
}
