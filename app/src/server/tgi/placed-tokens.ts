import type { Engine } from '../../engine/engine.ts';

/** A token of a text and where it lies in it, counted in characters as Python does. */
export interface PlacedToken {
  id: number;
  text: string;
  start: number;
  stop: number;
}

/** Tokenizers that put a blank in front write both as the same. */
const blanks = [' ', '\u2581'];

/**
 * Each token of a text, by the model's own tokenizer: its text is what lies between `start` and `stop`. What is not of
 * the text has no length: the special tokens that are put around it (they tell their own text), the blank that many
 * vocabularies put in front. A character made of several tokens lies in the last of them.
 */
export async function placedTokens(
  engine: Engine,
  text: string,
  addSpecial: boolean,
): Promise<PlacedToken[]> {
  const ids = await engine.tokenize(text, { parseSpecial: true, addSpecial });
  const own = addSpecial ? await engine.tokenize(text, { parseSpecial: true }) : ids;
  const front = addedInFront(ids, own);
  const characters = Array.from(text);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let start = 0;
  return (await engine.pieces(ids)).map((piece, index) => {
    const id = ids[index] ?? 0;
    if (index < front || index >= front + own.length)
      return { id, text: Buffer.from(piece).toString(), start, stop: start };
    const said = decoder.decode(piece, { stream: true });
    const isBlankAdded = said.startsWith(' ') && !blanks.includes(characters[start] ?? '');
    const stop = Math.min(start + Array.from(said).length - (isBlankAdded ? 1 : 0), characters.length);
    const token = { id, text: characters.slice(start, stop).join(''), start, stop };
    start = stop;
    return token;
  });
}

/** How many of the tokens that are no `own` ones stand before these. */
function addedInFront(ids: readonly number[], own: readonly number[]): number {
  let front = ids.length - own.length;
  while (front > 0 && own.some((id, index) => ids[front + index] !== id)) front -= 1;
  return front;
}
