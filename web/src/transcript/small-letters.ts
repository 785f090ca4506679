/**
 * For finding words in whatever case: each place in it is the same place of the text. Some letters are longer when they
 * are small (`İ` becomes `i` and a dot of its own); of those only the beginning counts.
 */
export function inSmallLetters(text: string): string {
  const small = text.toLocaleLowerCase();
  if (small.length === text.length) return small;
  return Array.from(text)
    .map((letter) => letter.toLocaleLowerCase().slice(0, letter.length))
    .join('');
}
