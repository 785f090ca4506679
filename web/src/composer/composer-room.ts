let room: string | null = null;
const takers = new Set<HTMLElement>();

function give(element: HTMLElement): void {
  if (room !== null) element.style.setProperty('--composer-room', room);
}

/** How tall the composer is now. */
export function tellComposerRoom(height: number): void {
  room = `${height}px`;
  takers.forEach(give);
}

/**
 * A ref for what ends above the composer, by a rule with `--composer-room`. Each is told by itself: were it a property
 * of the document that all inherit, a line more in the field would have every element of a long chat looked at again.
 */
export function keepComposerRoom(element: HTMLElement | null): (() => void) | undefined {
  if (!element) return undefined;
  takers.add(element);
  give(element);
  return () => {
    takers.delete(element);
  };
}
