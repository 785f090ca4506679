import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';

/** This near to the end counts as being there. */
const nearPx = 80;

export interface Follow {
  /** Show the way back to the newest message. */
  isAway: boolean;
  toEnd: (behavior?: ScrollBehavior) => void;
  /** Something else is about to be shown: the end is not followed until the reader is there again. */
  leaveEnd: () => void;
}

function scrollToEnd({ current }: RefObject<HTMLElement | null>, behavior: ScrollBehavior): void {
  current?.scrollTo({ top: current.scrollHeight, behavior });
}

function isOnTheWayUp(event: WheelEvent | TouchEvent | KeyboardEvent): boolean {
  if (event instanceof WheelEvent) return event.deltaY < 0;
  return event instanceof KeyboardEvent && ['ArrowUp', 'PageUp', 'Home'].includes(event.key);
}

/** Keeps `isFollowing` true to what the reader does, and the end in view while it is. */
function follow(
  element: HTMLElement,
  inner: HTMLElement,
  isFollowing: RefObject<boolean>,
  setAway: (isAway: boolean) => void,
): () => void {
  const distance = (): number => element.scrollHeight - element.scrollTop - element.clientHeight;
  let lastTop = element.scrollTop;
  const onScroll = (): void => {
    const isUp = element.scrollTop < lastTop - 1;
    lastTop = element.scrollTop;
    // Slow fingers go a few pixels at a time: who is on the way up is not called back.
    if (!isUp && distance() < nearPx / 2) isFollowing.current = true;
    else if (isUp && distance() > nearPx) isFollowing.current = false;
    setAway(distance() > element.clientHeight / 2 && !isFollowing.current);
  };
  const leave = (event: WheelEvent | TouchEvent | KeyboardEvent): void => {
    if (isOnTheWayUp(event) && element.scrollTop > 0) isFollowing.current = false;
    // A finger says where it goes only by having gone.
    else if (event.type === 'touchmove' && distance() > 4) isFollowing.current = false;
  };
  const grow = new ResizeObserver(() => {
    if (isFollowing.current) {
      element.scrollTop = element.scrollHeight;
      // Its notice comes a frame later; a reader who goes up meanwhile is seen to go up only from here.
      lastTop = element.scrollTop;
    } else setAway(distance() > element.clientHeight / 2);
  });
  // With the room below it, which grows with the composer.
  grow.observe(inner, { box: 'border-box' });
  grow.observe(element);
  const end = new AbortController();
  const options = { passive: true, signal: end.signal };
  element.addEventListener('scroll', onScroll, options);
  for (const type of ['wheel', 'touchmove', 'keydown'] as const)
    element.addEventListener(type, leave, options);
  return () => {
    end.abort();
    grow.disconnect();
  };
}

/**
 * Keeps the end in view while text comes in, until the reader scrolls away; then nothing moves any more until they
 * come back by themselves or by the button.
 */
export function useFollow(
  scroller: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
): Follow {
  const isFollowing = useRef(true);
  const [isAway, setAway] = useState(false);
  useEffect(
    () =>
      scroller.current && content.current
        ? follow(scroller.current, content.current, isFollowing, setAway)
        : undefined,
    [scroller, content],
  );
  const toEnd = useCallback(
    (behavior: ScrollBehavior = 'auto') => {
      isFollowing.current = true;
      setAway(false);
      scrollToEnd(scroller, behavior);
    },
    [scroller],
  );
  const leaveEnd = useCallback(() => {
    isFollowing.current = false;
  }, []);
  return { isAway, toEnd, leaveEnd };
}
