import { createStore } from './store.ts';

/** What lies over the page: one at a time. */
export type Overlay =
  | { kind: 'receipt'; runId: string; messageId: string }
  | { kind: 'compare'; messageId?: string }
  | { kind: 'palette' }
  | { kind: 'shortcuts' };

export const overlay = createStore<Overlay | null>(null);

export function openView(next: Overlay): void {
  overlay.set(next);
}

export function closeView(): void {
  overlay.set(null);
}

/** Written for both sides, until they answer it: whatever closes the view takes none of it away. */
export const messageToBoth = createStore('');

/** The search field of the shown chat. */
const closedFind = { isOpen: false, query: '', index: 0 };
export const findState = createStore(closedFind);

/** Raised to put the cursor into that field. */
export const findFocus = createStore(0);

export function closeFind(): void {
  findState.set(closedFind);
}

export function openFind(): void {
  findState.set((state) => ({ ...state, isOpen: true }));
  findFocus.set((count) => count + 1);
}
