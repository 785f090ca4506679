import type { Token, Tokens } from 'marked';
import { splitBlocks } from './block-splitter.ts';
import { lexBlock, noLinks } from './lexer.ts';

function partsOf(token: Token): readonly Token[] {
  if (token.type === 'list') return (token as Tokens.List).items;
  return ('tokens' in token && token.tokens) || [];
}

function lastIn(tokens: readonly Token[]): string {
  for (const token of tokens.toReversed()) {
    const code = token.type === 'code' ? (token as Tokens.Code).text : lastIn(partsOf(token));
    if (code !== '') return code;
  }
  return '';
}

/** The last code block of an answer as it was written, at any depth and of any length; empty where there is none. */
export function lastCode(text: string): string {
  for (const { raw, openFence } of splitBlocks(text).toReversed()) {
    const code = openFence ? openFence.code : lastIn(lexBlock(raw, noLinks));
    if (code !== '') return code;
  }
  return '';
}
