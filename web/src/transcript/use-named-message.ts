import { useEffect } from 'react';
import type { ChatSession } from '../state/chat-session.ts';
import { currentRoute } from '../state/route.ts';
import { attempt } from '../ui/problems.ts';
import { transcriptView } from './transcript-view.ts';

async function showNamed(session: ChatSession, leaveEnd: () => void): Promise<void> {
  const route = currentRoute.get();
  if (route.view !== 'chat' || route.chatId !== session.id || !route.messageId) return;
  const { messageId } = route;
  if (!(await session.has(messageId)) || currentRoute.get() !== route) return;
  // It is on another branch, which is shown without waiting for the server to remember it.
  if (!session.state.get().path.includes(messageId)) attempt(() => session.switchTo(messageId));
  requestAnimationFrame(() => {
    leaveEnd();
    transcriptView.get().show(messageId);
  });
}

/** Brings the message that the address names into view, each time that the address comes to name one. */
export function useNamedMessage(session: ChatSession, leaveEnd: () => void): void {
  useEffect(() => {
    const show = (): void => void showNamed(session, leaveEnd);
    show();
    return currentRoute.subscribe(show);
  }, [session, leaveEnd]);
}
