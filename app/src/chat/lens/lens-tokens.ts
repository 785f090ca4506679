import { AppError } from '../../contracts/app-error.ts';
import type { LensAlternative, LensToken } from '../../contracts/lens.ts';
import type { ScoredToken } from '../../engine/engine.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Tokens with whole characters; those that make one character together become one. */
export function lensTokens(scored: readonly ScoredToken[], content: string): LensToken[] {
  const tokens: LensToken[] = [];
  let group: ScoredToken[] = [];
  for (const token of scored) {
    group.push(token);
    const text = textOf(group.flatMap(({ bytes }) => bytes));
    if (text === null) continue;
    tokens.push({
      ids: group.map(({ id }) => id),
      text,
      logprob: group.reduce((sum, { logprob }) => sum + logprob, 0),
      alternatives: (group[0]?.top ?? []).map(alternative),
    });
    group = [];
  }
  return spelling(tokens, content);
}

/** Some tokenizers put a space before a text; others change characters, and their tokens are not those of the text. */
function spelling(tokens: LensToken[], content: string): LensToken[] {
  const said = tokens.map(({ text }) => text).join('');
  if (content.startsWith(said)) return tokens;
  const [first, ...rest] = tokens;
  if (first !== undefined && said.startsWith(' ') && content.startsWith(said.slice(1)))
    return [{ ...first, text: first.text.slice(1) }, ...rest];
  throw new AppError(
    'unsupported-field',
    'the tokens of this model do not spell this answer as it is written',
  );
}

function alternative({ id, text, bytes, logprob, kind }: ScoredToken['top'][number]): LensAlternative {
  return { id, text, logprob, kind: kind === 'text' && textOf(bytes) === null ? 'part' : kind };
}

function textOf(bytes: readonly number[]): string | null {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}
