import { useEffect } from 'react';
import {
  clearChat,
  copyWithNotice,
  deleteChat,
  focusComposer,
  shownSession,
  startNewChat,
  stopAnswers,
} from '../state/actions.ts';
import { appearance } from '../state/appearance.ts';
import { layout, setPanel, setSidebar } from '../state/layout.ts';
import { findState, openView, overlay } from '../state/overlays.ts';
import { goTo } from '../state/route.ts';
import { matches, shortcuts, type ShortcutName } from './shortcuts.ts';

function lastAnswer(): string | null {
  const session = shownSession();
  const path = session?.state.get().path ?? [];
  for (const id of path.toReversed()) {
    const message = session?.message(id);
    if (message?.role === 'assistant') return message.content;
  }
  return null;
}

function copyLastCode(): void {
  const blocks = document.querySelectorAll<HTMLElement>('.message--answer [data-code]');
  const text = blocks[blocks.length - 1]?.textContent;
  if (text) void copyWithNotice(text);
}

/** What each shortcut does; false where it does nothing now, so that the browser's own meaning stays. */
export const shortcutActions: Record<ShortcutName, () => boolean | void> = {
  newChat: () => startNewChat(),
  palette: () => openView({ kind: 'palette' }),
  shortcuts: () => openView({ kind: 'shortcuts' }),
  focus: () => focusComposer(),
  sidebar: () => setSidebar(!layout.get().isSidebarOpen),
  panel: () => setPanel(!layout.get().isPanelOpen),
  copyAnswer: () => {
    const text = lastAnswer();
    if (text === null) return false;
    void copyWithNotice(text);
  },
  copyCode: copyLastCode,
  clear: () => {
    const session = shownSession();
    if (!session || session.state.get().path.length === 0) return false;
    clearChat(session);
  },
  remove: () => {
    const chat = shownSession()?.state.get().chat;
    if (!chat) return false;
    deleteChat(chat.id, chat.title);
  },
  model: () => {
    document.querySelector<HTMLElement>('[data-model-picker]')?.click();
  },
  settings: () => goTo({ view: 'settings', section: 'appearance' }),
  find: () => {
    if (!shownSession()) return false;
    findState.set((state) => ({ ...state, isOpen: true }));
  },
  lastMessage: () => {
    const messages = document.querySelectorAll<HTMLElement>('.message');
    const last = messages[messages.length - 1];
    if (!last) return false;
    last.focus();
  },
  stop: () => {
    const session = shownSession();
    if (overlay.get() || !session || session.state.get().runIds.length === 0) return false;
    stopAnswers(session);
  },
};

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || !appearance.get().areShortcutsOn) return;
  // An open menu or dialog has its own keys.
  if (event.key === 'Escape' && !event.shiftKey && document.querySelector('[role="menu"],[role="dialog"]'))
    return;
  for (const name of Object.keys(shortcuts) as ShortcutName[]) {
    if (!matches(event, shortcuts[name])) continue;
    if (shortcutActions[name]() !== false) event.preventDefault();
    return;
  }
}

export function useShortcuts(): void {
  useEffect(() => {
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}
