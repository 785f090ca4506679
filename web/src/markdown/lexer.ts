import { maxMathLines } from './block-splitter.ts';
import { BoundedLexer } from './bounded-lexer.ts';
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

const marked = new Marked({ gfm: true, extensions: [mathBlock(), mathInline()] });

/** The tokens of one block, with the link definitions of the whole text. */
export function lexBlock(raw: string, links: Links): Token[] {
  const lexer = new BoundedLexer(marked.defaults);
  Object.assign(lexer.tokens.links, links);
  return [...lexer.lex(raw)];
}

/** The one empty set, to be told by identity. */
export const noLinks: Links = {};

const definition = /^ {0,3}\[[^\]\n]+\]:/m;

/** The link definitions (`[name]: address`) that a block holds. */
export function linksOf(raw: string): Links {
  if (!raw.includes(']:') || !definition.test(raw)) return noLinks;
  const lexer = new BoundedLexer(marked.defaults);
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
