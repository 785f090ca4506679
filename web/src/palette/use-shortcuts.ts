import { useEffect } from 'react';
import {
  clearChat,
  deleteChat,
  focusComposer,
  shownSession,
  startNewChat,
  stopAnswers,
} from '../state/actions.ts';
import { appearance } from '../state/appearance.ts';
import { layout, setPanel, setSidebar } from '../state/layout.ts';
import { writtenText } from '../state/message-view.ts';
import { openFind, openView, overlay } from '../state/overlays.ts';
import { goTo } from '../state/route.ts';
import { focusLastMessage } from '../transcript/last-message.ts';
import { isComposing } from '../ui/browser.ts';
import { copyWithNotice } from '../ui/copying.ts';
import { attempt } from '../ui/problems.ts';
import { matches, shortcuts, type ShortcutName } from './shortcuts.ts';

/** What is written of the shown answers, the last one first. */
function* answers(): Generator<string, undefined> {
  const session = shownSession();
  for (const id of session?.state.get().path.toReversed() ?? []) {
    const view = session?.view(id)?.get();
    if (view?.message.role === 'assistant') yield writtenText(view);
  }
}

/** As the model wrote it: what is drawn may be its beginning, a picture of it, or nothing. */
async function copyLastCode(): Promise<void> {
  const { lastCode } = await import('../markdown/last-code.ts');
  const here = lastCodeOf(lastCode);
  // It may be among the messages that are still on their way.
  if (here === '') await shownSession()?.whole();
  const code = here || lastCodeOf(lastCode);
  if (code !== '') await copyWithNotice(code);
}

function lastCodeOf(lastCode: (answer: string) => string): string {
  for (const answer of answers()) {
    const code = lastCode(answer);
    if (code !== '') return code;
  }
  return '';
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
    const text = answers().next().value;
    if (text === undefined) return false;
    void copyWithNotice(text);
  },
  copyCode: () => attempt(copyLastCode),
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
    openFind();
  },
  lastMessage: () => focusLastMessage(),
  stop: () => {
    const session = shownSession();
    if (overlay.get() || !session || session.state.get().runIds.length === 0) return false;
    stopAnswers(session);
  },
};

/** An open menu or dialog has its own Escape, and what it holds is found by the browser's own search. */
const leftToLayers = new Set<ShortcutName>(['stop', 'find']);

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || isComposing(event) || !appearance.get().areShortcutsOn) return;
  for (const name of Object.keys(shortcuts) as ShortcutName[]) {
    if (!matches(event, shortcuts[name])) continue;
    if (leftToLayers.has(name) && document.querySelector('[role="menu"],[role="dialog"]')) return;
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
