import { useEffect, useRef, type RefObject } from 'react';
import { afterPicture } from '../state/after-picture.ts';
import { tellComposerRoom } from './composer-room.ts';

/** Tells how tall the composer is, so that what lies above it ends above it, and so does the way back to it. */
export function useRoomBelow(): RefObject<HTMLDivElement | null> {
  const area = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = area;
    if (!current) return;
    let last = 0;
    const watch = new ResizeObserver(() => {
      const height = current.offsetHeight;
      if (height === last) return;
      // The letter that began a line is seen before the chat makes room for the line.
      if (last === 0) tellComposerRoom(height);
      else afterPicture(() => tellComposerRoom(height));
      last = height;
    });
    watch.observe(current);
    return () => watch.disconnect();
  }, []);
  return area;
}
