import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';

/** This near to the end counts as being there. */
const nearPx = 80;

export interface Follow {
  /** Show the way back to the newest message. */
  isAway: boolean;
  toEnd: (behavior?: ScrollBehavior) => void;
}

function scrollToEnd({ current }: RefObject<HTMLElement | null>, behavior: ScrollBehavior): void {
  current?.scrollTo({ top: current.scrollHeight, behavior });
}

function isOnTheWayUp(event: WheelEvent | TouchEvent | KeyboardEvent): boolean {
  if (event instanceof WheelEvent) return event.deltaY < 0;
  return event instanceof KeyboardEvent && ['ArrowUp', 'PageUp', 'Home'].includes(event.key);
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
  useEffect(() => {
    const element = scroller.current;
    const inner = content.current;
    if (!element || !inner) return;
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
  }, [scroller, content]);
  const toEnd = useCallback(
    (behavior: ScrollBehavior = 'auto') => {
      isFollowing.current = true;
      setAway(false);
      scrollToEnd(scroller, behavior);
    },
    [scroller],
  );
  return { isAway, toEnd };
}
