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

/** The search field of the shown chat. */
export const findState = createStore<{ isOpen: boolean; query: string; index: number }>({
  isOpen: false,
  query: '',
  index: 0,
});
