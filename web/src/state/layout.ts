import { useSyncExternalStore } from 'react';
import { remembered } from '../ui/browser.ts';
import { createStore } from './store.ts';

export interface Layout {
  isSidebarOpen: boolean;
  isPanelOpen: boolean;
}

/** Below these widths the panel is a sheet and the sidebar a drawer; both start closed then. */
const sheetBelow = 1024;
const drawerBelow = 700;

export const layout = createStore<Layout>({
  isSidebarOpen: innerWidth >= drawerBelow && remembered.read('sidebar', true),
  isPanelOpen: innerWidth >= sheetBelow && remembered.read('panel', false),
});

function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const list = matchMedia(query);
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    () => matchMedia(query).matches,
  );
}

/** A window that becomes too narrow folds away what would now lie over the chat; a wider one brings it back. */
function follow(below: number, key: 'sidebar' | 'panel', fallback: boolean): void {
  const part = key === 'sidebar' ? 'isSidebarOpen' : 'isPanelOpen';
  matchMedia(`(max-width: ${below - 0.02}px)`).addEventListener('change', ({ matches }) =>
    layout.set((state) => ({ ...state, [part]: !matches && remembered.read(key, fallback) })),
  );
}

follow(drawerBelow, 'sidebar', true);
follow(sheetBelow, 'panel', false);

export const useIsPanelSheet = () => useMedia(`(max-width: ${sheetBelow - 0.02}px)`);
export const useIsSidebarDrawer = () => useMedia(`(max-width: ${drawerBelow - 0.02}px)`);

export function setSidebar(isOpen: boolean): void {
  if (innerWidth >= drawerBelow) remembered.write('sidebar', isOpen);
  layout.set((state) => ({ ...state, isSidebarOpen: isOpen }));
}

export function setPanel(isOpen: boolean): void {
  if (innerWidth >= sheetBelow) remembered.write('panel', isOpen);
  layout.set((state) => ({ ...state, isPanelOpen: isOpen }));
}

/** After choosing something on a small screen the drawer has done its work. */
export function closeDrawer(): void {
  if (innerWidth < drawerBelow) layout.set((state) => ({ ...state, isSidebarOpen: false }));
}
