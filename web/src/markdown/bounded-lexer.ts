import { Lexer, type Token, type TokensList } from 'marked';

/** Deeper nesting is shown as its source: it is no writing, and recursion has an end. */
export const maxDepth = 24;

/**
 * Words with more emphasis marks than this are shown as they stand: marked looks for the end of each among all that
 * follow, which for a model that repeats one for ever holds the page for seconds.
 */
const maxEmphasisMarks = 500;

const emphasisMarks = /\*+|_+|~+/g;

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
    const isBeyond = this.#depth > maxDepth || (source.match(emphasisMarks)?.length ?? 0) > maxEmphasisMarks;
    if (isBeyond) addSource(source, tokens);
    else this.#deeper(() => super.inlineTokens(source, tokens));
    return tokens;
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
