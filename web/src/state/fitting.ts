/** Browsers give an origin about 5 MB; one huge text must not push out the others. */
export const maxKeptCharacters = 400_000;

/** Those that there is room for, the first ones first; one that is too long keeps out no shorter one behind it. */
export function fitting<Item extends { text: string }>(
  items: readonly Item[],
  maxCharacters: number,
): Item[] {
  let room = maxCharacters;
  return items.filter(({ text }) => {
    const hasRoom = text.length <= room;
    if (hasRoom) room -= text.length;
    return hasRoom;
  });
}
