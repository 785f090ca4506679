import { Lexer, type Token, type TokensList } from 'marked';

/** Deeper nesting is shown as its source: it is no writing, and recursion has an end. */
export const maxDepth = 24;

/**
 * Words with more marks that may open an emphasis are shown as they stand: marked looks for the end of each among all
 * that follow, which for a model that repeats one for ever holds the page for seconds.
 */
const maxOpenings = 500;

/** As CommonMark has it: a letter follows or a mark, and `_` opens nothing within a word. */
const openings = /(?<![\p{L}\p{N}_])_+(?=[^\s_])|\*+(?=[^\s*])|~+(?=[^\s~])/gu;

export const countOf = (pattern: RegExp, source: string): number => source.match(pattern)?.length ?? 0;

function addSource(source: string, tokens: Token[]): void {
  if (source !== '') tokens.push({ type: 'text', raw: source, text: source });
}

/** marked's lexer, which by itself goes as deep as the markers of a text say, and would end with the stack. */
export class BoundedLexer extends Lexer {
  #depth = 0;

  override blockTokens(source: string, tokens?: Token[], isLastParagraphClipped?: boolean): Token[];
  override blockTokens(source: string, tokens?: TokensList, isLastParagraphClipped?: boolean): TokensList;
  override blockTokens(source: string, tokens: Token[] = [], isLastParagraphClipped = false): Token[] {
    if (this.#depth > maxDepth) addSource(source, tokens);
    else this.#deeper(() => super.blockTokens(source, tokens, isLastParagraphClipped));
    return tokens;
  }

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    if (this.#depth > maxDepth || this.#hasTooManyOpenings(source)) addSource(source, tokens);
    else this.#deeper(() => super.inlineTokens(source, tokens));
    return tokens;
  }

  /** In code, in addresses and in HTML marked looks for none. */
  #hasTooManyOpenings(source: string): boolean {
    if (countOf(openings, source) <= maxOpenings) return false;
    const { blockSkip } = this.options.tokenizer?.rules.inline ?? {};
    return countOf(openings, blockSkip ? source.replace(blockSkip, 'a') : source) > maxOpenings;
  }

  #deeper(work: () => void): void {
    this.#depth += 1;
    try {
      work();
    } finally {
      this.#depth -= 1;
    }
  }
}
