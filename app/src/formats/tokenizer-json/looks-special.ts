/** Tokens that look special are control tokens even where the repository forgot to say so. */
export function looksSpecial(token: string): boolean {
  return (
    /^<\|.*\|>$/.test(token) ||
    /^<\uff5c.*\uff5c>$/.test(token) ||
    /^<unused\d*>$/.test(token) ||
    ['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(token)
  );
}
