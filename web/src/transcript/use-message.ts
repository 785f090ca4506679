import { useSyncExternalStore } from 'react';
import type { ChatSession, ChatState } from '../state/chat-session.ts';
import type { MessageView } from '../state/message-view.ts';
import { useSelected } from '../state/store.ts';

const nothing = { get: () => null, subscribe: () => () => undefined };

/** One message; the component is drawn again only when this message changed. */
export function useMessage(session: ChatSession, id: string): MessageView | null {
  const store = session.view(id) ?? nothing;
  return useSyncExternalStore<MessageView | null>(store.subscribe, store.get);
}

export function useChat<T>(session: ChatSession, select: (state: ChatState) => T): T {
  return useSelected(session.state, select);
}
