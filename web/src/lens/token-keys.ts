/** Where an arrow key leads from a token; null: the key is not about moving. */
export function tokenAfter(key: string, from: HTMLElement): HTMLElement | null {
  const isTurned = getComputedStyle(from).direction === 'rtl';
  switch (key) {
    case 'ArrowRight':
      return neighbour(from, isTurned ? -1 : 1);
    case 'ArrowLeft':
      return neighbour(from, isTurned ? 1 : -1);
    case 'ArrowDown':
      return inNextLine(from, 1);
    case 'ArrowUp':
      return inNextLine(from, -1);
    case 'Home':
      return sibling(from.parentElement?.firstElementChild);
    case 'End':
      return sibling(from.parentElement?.lastElementChild);
    default:
      return null;
  }
}

function sibling(element: Element | null | undefined): HTMLElement | null {
  return element instanceof HTMLElement ? element : null;
}

function neighbour(from: HTMLElement, step: 1 | -1): HTMLElement | null {
  return sibling(step === 1 ? from.nextElementSibling : from.previousElementSibling);
}

/** Rounded, because lines of one text may lie fractions of a pixel apart. */
const lineOf = (element: HTMLElement): number => Math.round(element.getClientRects()[0]?.top ?? 0);
const placeOf = (element: HTMLElement): number => element.getClientRects()[0]?.left ?? 0;

/** The token of the line above or below that lies nearest. */
function inNextLine(from: HTMLElement, step: 1 | -1): HTMLElement | null {
  const here = lineOf(from);
  let next = neighbour(from, step);
  while (next && lineOf(next) === here) next = neighbour(next, step);
  if (!next) return null;
  const line = lineOf(next);
  let best = next;
  const away = (element: HTMLElement): number => Math.abs(placeOf(element) - placeOf(from));
  for (let other = neighbour(next, step); other && lineOf(other) === line; other = neighbour(other, step))
    if (away(other) < away(best)) best = other;
  return best;
}
