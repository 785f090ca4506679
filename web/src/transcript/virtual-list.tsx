import { useEffect, useLayoutEffect, useReducer, useRef } from 'react';
import { useVirtualizer } from '@tanstack/react-virtual';
import type { ChatSession } from '../state/chat-session.ts';
import type { TranscriptItem } from './transcript-items.ts';
import { TranscriptRow, type ListProps } from './transcript-row.tsx';
import { transcriptView } from './transcript-view.ts';

/** A first guess of a message's height; measured as soon as it is drawn. */
function guessHeight(session: ChatSession, item: TranscriptItem | undefined): number {
  if (item?.kind !== 'message') return 56;
  const message = session.message(item.id);
  const characters = message?.content.length ?? 0;
  const lines = Math.ceil(characters / (message?.role === 'user' ? 62 : 82)) + 1;
  return 64 + Math.min(lines, 400) * 26;
}

/** Only what is in view is in the document; heights are guessed, then measured. */
export function VirtualList({ session, items, scroller }: ListProps) {
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
  // The scroller around this list is there only when the list was drawn once.
  const [, drawAgain] = useReducer((count: number) => count + 1, 0);
  useLayoutEffect(drawAgain, [drawAgain]);
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
  // Rows are in the flow: the last one grows without anything being placed anew, and those that come and go move no other.
  const before = Math.max(0, rows[0]?.start ?? 0);
  const after = Math.max(0, virtualizer.getTotalSize() - (rows.at(-1)?.end ?? 0));
  return (
    <div style={{ paddingBlock: `${before}px ${after}px` }}>
      {rows.map((row) => {
        const item = items[row.index];
        return (
          <div key={row.key} data-index={row.index} ref={virtualizer.measureElement} className="virtual__row">
            {item && <TranscriptRow session={session} item={item} />}
          </div>
        );
      })}
    </div>
  );
}
