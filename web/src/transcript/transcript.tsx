import { memo, useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import { ArrowDown } from 'lucide-react';
import { keepComposerRoom } from '../composer/composer-room.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { endWanted } from '../state/end-wanted.ts';
import { strings } from '../strings.ts';
import { transcriptItems } from './transcript-items.ts';
import { TranscriptRow, type ListProps } from './transcript-row.tsx';
import { useChat } from './use-message.ts';
import { VirtualList } from './virtual-list.tsx';
import { useFollow } from './use-follow.ts';
import { useNamedMessage } from './use-named-message.ts';
import { transcriptView } from './transcript-view.ts';

/** Shorter chats are in the document as a whole: the browser's own search and reading order work best then. */
const virtualFrom = 100;

function PlainList({ session, items, scroller }: ListProps) {
  useEffect(
    () =>
      transcriptView.set({
        show: (id) =>
          scroller.current?.querySelector(`[data-id="${id}"]`)?.scrollIntoView({ block: 'center' }),
      }),
    [scroller],
  );
  return items.map((item) => <TranscriptRow key={item.key} session={session} item={item} />);
}

export const Transcript = memo(function Transcript({ session }: { session: ChatSession }) {
  const path = useChat(session, (state) => state.path);
  const isWhole = useChat(session, (state) => state.isWhole);
  const plan = useChat(session, (state) => state.plan);
  const items = useMemo(() => transcriptItems(path, plan), [path, plan]);
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => keepComposerRoom(content.current), []);
  const { isAway, toEnd, leaveEnd } = useFollow(scroller, content);
  // What comes before it is on its way, and will be more than may be in the document.
  const isCut = path[0] !== undefined && session.message(path[0])?.parentId !== null;
  useEffect(() => endWanted.subscribe(() => toEnd()), [toEnd]);
  useNamedMessage(session, leaveEnd);
  return (
    <div className="transcript">
      <div className="transcript__scroll" ref={scroller} data-transcript>
        <div
          className="transcript__column"
          ref={content}
          role="log"
          aria-live="off"
          aria-busy={!isWhole || undefined}
          aria-label={strings.transcript.label}
        >
          {!isWhole && <div className="woven woven--moving transcript__earlier" />}
          {items.length > virtualFrom || isCut ? (
            <VirtualList session={session} items={items} scroller={scroller} />
          ) : (
            <PlainList session={session} items={items} scroller={scroller} />
          )}
        </div>
      </div>
      {isAway && (
        <button type="button" className="latest" ref={keepComposerRoom} onClick={() => toEnd('smooth')}>
          <ArrowDown size={16} strokeWidth={1.75} aria-hidden />
          {strings.transcript.latest}
        </button>
      )}
    </div>
  );
});
