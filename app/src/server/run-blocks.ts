import type { RunEvent } from '../contracts/runs.ts';

/**
 * Longest piece of text in one event: a reader far behind would else get a whole book at once, more than may wait for
 * it, and be let go before it could read a word.
 */
const maxPieceCharacters = 16_384;

/** A run's event as one or more that are small enough to be written one after the other. */
export function piecesOf(event: RunEvent): readonly RunEvent[] {
  if (event.type !== 'text' || event.text.length <= maxPieceCharacters) return [event];
  const pieces: RunEvent[] = [];
  for (let start = 0; start < event.text.length;) {
    const end = pieceEnd(event.text, start);
    pieces.push({ ...event, offset: event.offset + start, text: event.text.slice(start, end) });
    start = end;
  }
  return pieces;
}

/** Never between the halves of a character. */
function pieceEnd(text: string, start: number): number {
  const end = start + maxPieceCharacters;
  if (end >= text.length) return text.length;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** How far a reader has the text once it has this event; null where the event says nothing of it. */
export function offsetAfter(event: RunEvent): number | null {
  if (event.type === 'text') return event.offset + event.text.length;
  return event.type === 'start' ? event.offset : null;
}
