import { createStore } from './store.ts';

/** What lies over the page: one at a time. */
export type Overlay =
  | { kind: 'receipt'; runId: string; messageId: string }
  | { kind: 'compare'; messageId?: string }
  | { kind: 'palette' }
  | { kind: 'shortcuts' };

export const overlay = createStore<Overlay | null>(null);

/** Marks the entry of the browser's history that stands for what lies over the page: Back closes that. */
const overlayEntry = { isOverlay: true };

function isAtOverlay(): boolean {
  return (history.state as Partial<typeof overlayEntry> | null)?.isOverlay === true;
}

/** Commands are over at once; they get no place in the history. */
const fleeting = new Set<Overlay['kind']>(['palette', 'shortcuts']);

export function openView(next: Overlay): void {
  overlay.set(next);
  if (!fleeting.has(next.kind) && !isAtOverlay()) history.pushState(overlayEntry, '');
}

export function closeView(): void {
  if (!overlay.get()) return;
  overlay.set(null);
  if (isAtOverlay()) history.back();
}

/** Another address takes the place of what lies over the page. */
export function pushAddress(hash: string): void {
  if (overlay.get() && isAtOverlay()) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  overlay.set(null);
}

/** Shows another address below what lies over the page, without another step for Back. */
export function replaceAddress(hash: string): void {
  const wasAtOverlay = isAtOverlay();
  history.replaceState(null, '', hash);
  if (wasAtOverlay && overlay.get()) history.pushState(overlayEntry, '');
}

addEventListener('popstate', () => {
  if (!isAtOverlay()) overlay.set(null);
});

/** The search field of the shown chat. */
export const findState = createStore<{ isOpen: boolean; query: string; index: number }>({
  isOpen: false,
  query: '',
  index: 0,
});
