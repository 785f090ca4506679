import type { ChatMessage } from '@corral/app/contracts/chats';

/** A message as the server tells it; what a test is about is given. */
export function messageWith(given: Partial<ChatMessage> = {}): ChatMessage {
  return {
    id: 'm1',
    chatId: 'c1',
    parentId: null,
    role: 'user',
    content: 'wool',
    state: 'complete',
    createdAt: 0,
    pinned: false,
    feedback: null,
    outcome: null,
    version: 1,
    model: null,
    runId: null,
    ...given,
  };
}
