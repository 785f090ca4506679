import { createStore } from '../state/store.ts';

/** How others bring a message of the shown transcript into view, drawn or not. */
export const transcriptView = createStore<{ show: (messageId: string) => void }>({ show: () => undefined });
