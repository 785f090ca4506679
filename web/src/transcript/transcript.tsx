import { memo, useEffect, useMemo, useRef, type RefObject } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import type { ChatSession } from '../state/chat-session.ts';
import { currentRoute } from '../state/route.ts';
import { strings } from '../strings.ts';
import { AnswerMessage } from './answer-message.tsx';
import { ContextLine } from './context-line.tsx';
import { PersonMessage } from './person-message.tsx';
import { transcriptItems, type TranscriptItem } from './transcript-items.ts';
import { useChat } from './use-message.ts';
import { useFollow } from './use-follow.ts';
import { transcriptView } from './transcript-view.ts';

/** Shorter chats are in the document as a whole: the browser's own search and reading order work best then. */
const virtualFrom = 100;

interface RowProps {
  session: ChatSession;
  item: TranscriptItem;
}

const Row = memo(
  function Row({ session, item }: RowProps) {
    if (item.kind === 'line') return <ContextLine tokens={item.tokens} />;
    const role = session.message(item.id)?.role;
    const Message = role === 'user' ? PersonMessage : AnswerMessage;
    return <Message session={session} id={item.id} isLast={item.isLast} isUnseen={item.isUnseen} />;
  },
  (before, after) =>
    before.session === after.session && JSON.stringify(before.item) === JSON.stringify(after.item),
);

interface ListProps {
  session: ChatSession;
  items: TranscriptItem[];
  scroller: RefObject<HTMLDivElement | null>;
}

function PlainList({ session, items, scroller }: ListProps) {
  useEffect(
    () =>
      transcriptView.set({
        show: (id) =>
          scroller.current?.querySelector(`[data-id="${id}"]`)?.scrollIntoView({ block: 'center' }),
      }),
    [scroller],
  );
  return items.map((item) => <Row key={item.key} session={session} item={item} />);
}

/** A first guess of a message's height; measured as soon as it is drawn. */
function guessHeight(session: ChatSession, item: TranscriptItem | undefined): number {
  if (item?.kind !== 'message') return 56;
  const message = session.message(item.id);
  const characters = message?.content.length ?? 0;
  const lines = Math.ceil(characters / (message?.role === 'user' ? 62 : 82)) + 1;
  return 64 + Math.min(lines, 400) * 26;
}

function VirtualList({ session, items, scroller }: ListProps) {
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => guessHeight(session, items[index]),
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 3,
    anchorTo: 'end',
    scrollEndThreshold: 80,
    initialOffset: () => items.reduce((sum, item) => sum + guessHeight(session, item), 0),
  });
  const indexes = useRef(items);
  indexes.current = items;
  useEffect(() => {
    virtualizer.scrollToEnd({});
    transcriptView.set({
      show: (id) => {
        const index = indexes.current.findIndex((item) => item.kind === 'message' && item.id === id);
        if (index >= 0) virtualizer.scrollToIndex(index, { align: 'center' });
      },
    });
  }, [virtualizer]);
  const rows = virtualizer.getVirtualItems();
  return (
    <div className="virtual" style={{ height: virtualizer.getTotalSize() }}>
      <div className="virtual__window" style={{ transform: `translateY(${rows[0]?.start ?? 0}px)` }}>
        {rows.map((row) => {
          const item = items[row.index];
          return (
            <div
              key={row.key}
              data-index={row.index}
              ref={virtualizer.measureElement}
              className="virtual__row"
            >
              {item && <Row session={session} item={item} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}

export const Transcript = memo(function Transcript({ session }: { session: ChatSession }) {
  const path = useChat(session, (state) => state.path);
  const plan = useChat(session, (state) => state.plan);
  const items = useMemo(() => transcriptItems(path, plan), [path, plan]);
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follow = useFollow(scroller, content);
  const leaf = path.at(-1);
  const { toEnd } = follow;
  const toEndNow = useRef(toEnd);
  toEndNow.current = toEnd;
  useEffect(() => {
    // A new message of one's own, another branch, another chat: its end is what one wants to see.
    toEndNow.current();
  }, [leaf, session]);
  useEffect(() => {
    const route = currentRoute.get();
    if (route.view === 'chat' && route.messageId) {
      const { messageId } = route;
      requestAnimationFrame(() => transcriptView.get().show(messageId));
    }
  }, [session]);
  const List = items.length > virtualFrom ? VirtualList : PlainList;
  return (
    <div className="transcript">
      <div className="transcript__scroll" ref={scroller} data-transcript>
        <div
          className="transcript__column"
          ref={content}
          role="log"
          aria-live="off"
          aria-label={strings.transcript.label}
        >
          <List session={session} items={items} scroller={scroller} />
        </div>
      </div>
      {follow.isAway && (
        <button type="button" className="latest" onClick={() => toEnd('smooth')}>
          <ArrowDown size={16} strokeWidth={1.75} aria-hidden />
          {strings.transcript.latest}
        </button>
      )}
    </div>
  );
});
