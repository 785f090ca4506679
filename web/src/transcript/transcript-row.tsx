import { memo, type RefObject } from 'react';
import type { ChatSession } from '../state/chat-session.ts';
import { AnswerMessage } from './answer-message.tsx';
import { ContextLine } from './context-line.tsx';
import { PersonMessage } from './person-message.tsx';
import type { TranscriptItem } from './transcript-items.ts';

export interface ListProps {
  session: ChatSession;
  items: TranscriptItem[];
  scroller: RefObject<HTMLDivElement | null>;
}

interface RowProps {
  session: ChatSession;
  item: TranscriptItem;
}

export const TranscriptRow = memo(
  function TranscriptRow({ session, item }: RowProps) {
    if (item.kind === 'line') return <ContextLine tokens={item.tokens} />;
    const role = session.message(item.id)?.role;
    const Message = role === 'user' ? PersonMessage : AnswerMessage;
    return <Message session={session} id={item.id} isLast={item.isLast} isUnseen={item.isUnseen} />;
  },
  (before, after) =>
    before.session === after.session && JSON.stringify(before.item) === JSON.stringify(after.item),
);
