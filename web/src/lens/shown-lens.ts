import { createStore } from '../state/store.ts';

/** The answer that is shown as its tokens: one at a time. */
export const shownLens = createStore<string | null>(null);

export function closeLens(): void {
  shownLens.set(null);
}
