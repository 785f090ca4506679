import { maxMathLines } from './block-splitter.ts';
import { BoundedLexer, countOf } from './bounded-lexer.ts';
import { Marked, type Token, type TokenizerAndRendererExtension, type Tokens } from 'marked';

export type Links = Record<string, { href: string; title: string | null | undefined }>;

/** Longer formulas are shown as their source: KaTeX would hold the page. */
const maxMathCharacters = 10_000;

export interface MathToken {
  type: 'mathBlock' | 'mathInline';
  raw: string;
  text: string;
}

/** Blank lines are allowed where the opening mark stands alone on its line: there the block splitter sees it. */
const mathBlocks = [
  /^ {0,3}\$\$[^\S\n]*\n((?:(?!\$\$)[\s\S])+?)\s*\$\$[^\S\n]*(?:\n|$)/,
  /^ {0,3}\\\[[^\S\n]*\n((?:(?!\\\])[\s\S])+?)\s*\\\][^\S\n]*(?:\n|$)/,
  /^ {0,3}\$\$((?:(?!\$\$|\n[^\S\n]*\n)[\s\S])+?)\$\$[^\S\n]*(?:\n|$)/,
  /^ {0,3}\\\[((?:(?!\\\]|\n[^\S\n]*\n)[\s\S])+?)\\\][^\S\n]*(?:\n|$)/,
];

function mathBlock(): TokenizerAndRendererExtension {
  return {
    name: 'mathBlock',
    level: 'block',
    start: (source) => source.match(/\n {0,3}(?:\$\$|\\\[)/)?.index,
    tokenizer(source) {
      const match = mathBlocks.map((pattern) => pattern.exec(source)).find((found) => found !== null);
      if (match && match[0].split('\n').length > maxMathLines) return undefined;
      if (!match || match[0].length > maxMathCharacters) return undefined;
      return { type: 'mathBlock', raw: match[0], text: (match[1] ?? '').trim() } satisfies MathToken;
    },
  };
}

function mathInline(): TokenizerAndRendererExtension {
  return {
    name: 'mathInline',
    level: 'inline',
    start: (source) => source.match(/\$\$|\\\(|\\\[/)?.index,
    tokenizer(source) {
      const match =
        /^\$\$([^$\n]+?)\$\$/.exec(source) ??
        /^\\\(([^\n]+?)\\\)/.exec(source) ??
        /^\\\[([^\n]+?)\\\]/.exec(source);
      if (!match || match[0].length > maxMathCharacters) return undefined;
      return { type: 'mathInline', raw: match[0], text: (match[1] ?? '').trim() } satisfies MathToken;
    },
  };
}

/**
 * A block with more marks at the beginning of a line that may open a formula, or with more that nothing closes, has
 * none: at each of them marked looks at the rest of the block anew, which for a model that repeats one for ever holds
 * the page for seconds.
 */
const maxOpenings = 300;

const lineOpenings = /^[ \t>]*(?:\$\$|\\\[)/gm;
const brackets = { open: /\\[([]/g, close: /\\[)\]]/g };

const withMath = new Marked({ gfm: true, extensions: [mathBlock(), mathInline()] }).defaults;
const withoutMath = new Marked({ gfm: true }).defaults;

function lexerOf(raw: string): BoundedLexer {
  const openBrackets = countOf(brackets.open, raw) - countOf(brackets.close, raw);
  const openings = Math.max(countOf(lineOpenings, raw), openBrackets);
  return new BoundedLexer(openings > maxOpenings ? withoutMath : withMath);
}

/** The tokens of one block, with the link definitions of the whole text. */
export function lexBlock(raw: string, links: Links): Token[] {
  const lexer = lexerOf(raw);
  Object.assign(lexer.tokens.links, links);
  return [...lexer.lex(raw)];
}

/** The one empty set, to be told by identity. */
export const noLinks: Links = {};

const definition = /^ {0,3}\[[^\]\n]+\]:/m;

/** The link definitions (`[name]: address`) that a block holds. */
export function linksOf(raw: string): Links {
  if (!raw.includes(']:') || !definition.test(raw)) return noLinks;
  const lexer = lexerOf(raw);
  const tokens = lexer.blockTokens(raw, []);
  const links: Links = {};
  const visit = (list: Token[]): void => {
    for (const token of list) {
      if (token.type === 'def') {
        const found = token as Tokens.Def;
        links[found.tag] ??= { href: found.href, title: found.title };
      }
      if ('tokens' in token && token.tokens) visit(token.tokens);
    }
  };
  visit(tokens);
  return links;
}
