/** The checks of cria/data/held-out; cria/data/README.md says what each means. */
export interface Check {
  contains?: string[];
  equals?: string[];
  matches?: string;
  maximumWords?: number;
  ends?: boolean;
  ignoreCase?: boolean;
}

export interface HeldOut {
  id: string;
  about: string;
  messages: { role: 'system' | 'user' | 'assistant'; content: string }[];
  check: Check;
}

const controlTokens = /\[\/?INST\]|<<\/?SYS>>|<\/?s>/u;

/** Ended by itself, not empty, no control token shown, no sentence three times in a row. */
export function isClean(answer: string, hasEnded: boolean): boolean {
  const sentences = answer.split(/(?<=[.!?])\s+/u).filter((one) => one !== '');
  const loops = sentences.some((one, index) => one === sentences[index + 1] && one === sentences[index + 2]);
  return hasEnded && answer.trim() !== '' && !loops && !controlTokens.test(answer);
}

export function holds(check: Check, given: string, hasEnded: boolean): boolean {
  const answer = given.trim();
  const { contains = [], equals, matches, maximumWords } = check;
  const fold = (text: string): string => (check.ignoreCase ? text.toLowerCase() : text);
  if (contains.length > 0 && !contains.some((text) => hasWord(fold(answer), fold(text)))) return false;
  if (equals && !equals.some((text) => text.toLowerCase() === answer.toLowerCase())) return false;
  if (matches !== undefined && !new RegExp(matches, 'u').test(answer)) return false;
  if (maximumWords !== undefined && answer.split(/\s+/u).length > maximumWords) return false;
  return !check.ends || isClean(answer, hasEnded);
}

/** A letter or digit next to it makes it another word; where the text itself begins or ends in a sign, anything may stand there. */
function hasWord(answer: string, text: string): boolean {
  const before = /^[\p{L}\p{N}]/u.test(text) ? String.raw`(?<![\p{L}\p{N}_])` : '';
  const after = /[\p{L}\p{N}]$/u.test(text) ? String.raw`(?![\p{L}\p{N}_])` : '';
  const escaped = RegExp.escape(text);
  return new RegExp(before + escaped + after, 'u').test(answer);
}
