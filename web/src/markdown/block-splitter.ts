/**
 * Cuts markdown into top-level blocks while it arrives. A cut is made only where marked, given the parts one by
 * one, makes the tokens it makes of the whole; where that is doubtful the block just stays longer. What was cut
 * off never changes again, so only the last block is read anew on every flush.
 *
 * Every decision looks at a line that is complete, or at a beginning no further character can change: therefore
 * the blocks do not depend on how the text was chunked.
 */

import { closesFence, fenceAt, openFence, type Fence, type OpenFence } from './code-fence.ts';
import {
  contentColumn,
  definition,
  endsList,
  endsParagraph,
  expandTabs,
  htmlBlock,
  htmlUntilBlankNever,
  listMarker,
  standsAlone,
} from './markdown-lines.ts';

export interface Block {
  /** Offset of its first character; stable, so it serves as a key. */
  start: number;
  raw: string;
  /** Present where the block is a code fence at the left edge that has not been closed yet. */
  openFence?: OpenFence;
}

interface OpenHtml {
  name: string;
  depth: number;
  /** Markdown again: a blank line has ended the HTML, though not the element. */
  isMarkdown: boolean;
}

/** A formula longer than this is no formula; a stray `$$` must not swallow the rest of the answer. */
export const maxMathLines = 100;

export class BlockSplitter {
  #text = '';
  #starts: number[] = [0];
  readonly #closed: Block[] = [];
  #lineStart = 0;
  #isPreviousBlank = true;
  /** The line before ended a block that is no paragraph. */
  #isAfterBlock = false;
  /** Inside HTML that ends with the next blank line; no fence begins there. */
  #isInHtml = false;
  /** Columns that belong to the item of the list at the left edge; 0 outside of lists. */
  #listIndent = 0;
  #isEmptyItem = false;
  /** The line before, without the columns of its item. */
  #inItem = '';
  /** Another marker may still belong to the list: no cut before it. */
  #isInList = false;
  /** Lines that marked joins to a quote or to an empty item: a fence or formula there may be text. */
  #isOdd = false;
  #fence: Fence | null = null;
  #mathEnd: string | null = null;
  #mathLines = 0;
  #doubtfulLines = 0;
  #html: OpenHtml | null = null;
  /** The incomplete last line already began a block. */
  #isDecided = false;

  get text(): string {
    return this.#text;
  }

  append(chunk: string): void {
    this.#text += chunk;
    for (;;) {
      const end = this.#text.indexOf('\n', this.#lineStart);
      if (end === -1) break;
      this.#line(this.#text.slice(this.#lineStart, end).replace(/\r$/, ''));
      this.#lineStart = end + 1;
      this.#isDecided = false;
    }
    this.#beginning(this.#text.slice(this.#lineStart, this.#lineStart + 1));
  }

  /** Those before the last are the same objects each time: what was drawn from them need not be looked at again. */
  blocks(): Block[] {
    while (this.#closed.length < this.#starts.length - 1) {
      const index = this.#closed.length;
      const start = this.#starts[index] ?? 0;
      this.#closed.push({ start, raw: this.#text.slice(start, this.#starts[index + 1]) });
    }
    const start = this.#starts.at(-1) ?? 0;
    const last: Block = { start, raw: this.#text.slice(start) };
    const fence = this.#fence;
    if (fence?.start === start) last.openFence = openFence(this.#text, fence);
    return [...this.#closed, last].filter((block) => /\S/.test(block.raw));
  }

  /** The line comes after a blank one, or begins its block. */
  get #isFirst(): boolean {
    return this.#isPreviousBlank || this.#starts.at(-1) === this.#lineStart;
  }

  get #isOpen(): boolean {
    return this.#fence !== null || this.#mathEnd !== null || this.#html !== null || this.#doubtfulLines > 0;
  }

  /** Decides about a line of which only the first character is here, where that suffices. */
  #beginning(first: string): void {
    if (first === '' || this.#lineStart === 0 || this.#isDecided || this.#isOpen || !this.#isPreviousBlank)
      return;
    if (/\s/.test(first) || (this.#isInList && /[-*+\d]/.test(first))) return;
    this.#cut();
  }

  #cut(): void {
    if (this.#starts.at(-1) !== this.#lineStart) this.#starts.push(this.#lineStart);
    this.#isDecided = true;
    this.#listIndent = 0;
    this.#isInList = false;
    this.#isOdd = false;
    this.#isInHtml = false;
    this.#isPreviousBlank = false;
  }

  #line(line: string): void {
    if (this.#fence) return this.#insideFence(line, this.#fence);
    if (this.#mathEnd !== null) return this.#insideMath(line);
    if (this.#html) return this.#insideHtml(line, this.#html);
    if (this.#doubtfulLines > 0) this.#doubtfulLines -= 1;
    if (line.trim() === '') this.#blank();
    else this.#written(line);
  }

  #blank(): void {
    if (this.#isEmptyItem) this.#listIndent = 0;
    this.#isEmptyItem = false;
    if (this.#listIndent === 0) this.#isOdd = false;
    this.#isPreviousBlank = true;
  }

  #written(line: string): void {
    const indent = (/^\s*/.exec(line)?.[0] ?? '').replaceAll('\t', '    ').length;
    const marker = listMarker.exec(line);
    if (this.#mayCut(line, marker !== null)) this.#cut();
    if (this.#isPreviousBlank) this.#isInHtml = false;
    this.#isInHtml ||= this.#startsHtml(line);
    if (marker) this.#isInList = true;
    if (this.#isInHtml) this.#listIndent = 0;
    else this.#follow({ line, indent, marker });
    const isFirst = this.#isFirst;
    this.#isPreviousBlank = false;
    this.#isAfterBlock = this.#endsItsBlock(line, isFirst);
    if (!this.#isInHtml || htmlUntilBlankNever.test(line)) this.#open(line, indent, isFirst);
  }

  #endsItsBlock(line: string, isFirst: boolean): boolean {
    return standsAlone.test(line) || ((isFirst || this.#isAfterBlock) && definition.test(line));
  }

  #mayCut(line: string, isMarker: boolean): boolean {
    if (!this.#isPreviousBlank || this.#doubtfulLines > 0) return false;
    return !/^(?: {2}|\t| \t)/.test(line) && !(this.#isInList && isMarker);
  }

  /** Keeps in step with where marked sees a list begin and end. */
  #follow({ line, indent, marker }: { line: string; indent: number; marker: RegExpExecArray | null }): void {
    const isOutside = indent < this.#listIndent;
    if (this.#isEmptyItem && isOutside && !marker) this.#isOdd = true;
    this.#isEmptyItem = marker !== null && line.trim() === marker[2];
    const isBreak = endsList.test(line);
    if (marker && !isBreak && this.#mayBeginList(marker, isOutside)) {
      this.#listIndent = contentColumn(line, marker);
    } else if (isOutside && (isBreak || !this.#mayBeLazy)) this.#listIndent = 0;
    this.#inItem = this.#withoutColumns(line, marker);
  }

  /** A line with less indentation may still be joined to the item. */
  get #mayBeLazy(): boolean {
    return !this.#isPreviousBlank && !endsParagraph.test(this.#inItem);
  }

  #withoutColumns(line: string, marker: RegExpExecArray | null): string {
    // marked looks at all that follows the marker, and of later lines at what is inside the item.
    const column = marker && this.#listIndent > 0 ? marker[0].trimEnd().length : this.#listIndent;
    return expandTabs(' '.repeat(marker ? column : 0) + line.slice(marker ? column : 0)).slice(column);
  }

  /** In the middle of a paragraph only a bullet or the number one begins a list, and not an empty one. */
  #mayBeginList(marker: RegExpExecArray, isOutside: boolean): boolean {
    if (this.#listIndent > 0 && !isOutside) return false;
    const isInParagraph = !this.#isFirst && !this.#isAfterBlock && this.#listIndent === 0;
    return !isInParagraph || (!this.#isEmptyItem && !/^(?!1[.)])\d/.test(marker[2] ?? ''));
  }

  #open(line: string, indent: number, isFirst: boolean): void {
    const isMark = /^(?:`{3}|~{3}|\$\$|\\\[)/.test(line.trim());
    const isMath = /^\s*[$\\]/.test(line);
    const isJoined = this.#isOdd || (!isFirst && isMath);
    if (isMark && isJoined && (indent > 0 || isMath)) {
      this.#doubtfulLines = maxMathLines;
      return;
    }
    if (/^ {0,3}>/.test(line)) this.#isOdd = true;
    // A fence inside an item ends with the item, so it need not be followed.
    if (this.#listIndent > 0 && indent > Math.min(3, this.#listIndent - 1)) return;
    if (!this.#openFenceAt(line) && !this.#openMath(line)) this.#openHtml(line);
  }

  #openFenceAt(line: string): boolean {
    this.#fence = fenceAt(line, this.#lineStart);
    if (this.#fence) this.#listIndent = 0;
    return this.#fence !== null;
  }

  #openMath(line: string): boolean {
    const trimmed = line.trim();
    if (this.#listIndent > 0) {
      if (!/^ ?(?:\$\$|\\\[)/.test(line)) return false;
      // Part of the item or a formula of its own: no cut before either has ended.
      this.#doubtfulLines = maxMathLines;
      return true;
    }
    if (trimmed !== '$$' && trimmed !== '\\[') return false;
    this.#mathEnd = trimmed === '$$' ? '$$' : '\\]';
    this.#mathLines = 0;
    return true;
  }

  #startsHtml(line: string): boolean {
    if (htmlBlock.test(line)) return true;
    return this.#isFirst && /^ {0,3}<\/?[a-z][^<>]*>\s*$/i.test(line);
  }

  #openHtml(line: string): void {
    if (/^ {0,3}<!--/.test(line)) {
      if (!line.includes('-->')) this.#html = { name: '--', depth: 1, isMarkdown: false };
      return;
    }
    const name = htmlUntilBlankNever.exec(line)?.[1]?.toLowerCase();
    if (name === undefined) return;
    this.#html = { name, depth: 0, isMarkdown: false };
    this.#insideHtml(line, this.#html);
  }

  #insideFence(line: string, fence: Fence): void {
    if (!closesFence(line, fence)) return;
    this.#fence = null;
    this.#isAfterBlock = true;
  }

  #insideMath(line: string): void {
    this.#mathLines += 1;
    if (line.includes(this.#mathEnd ?? '$$') || this.#mathLines > maxMathLines) this.#mathEnd = null;
  }

  #insideHtml(line: string, html: OpenHtml): void {
    if (html.name === '--') {
      if (line.includes('-->')) this.#html = null;
      return;
    }
    if (html.name === 'details' && this.#opensFenceIn(html, line)) return;
    html.depth += line.match(new RegExp(`<${html.name}\\b`, 'gi'))?.length ?? 0;
    html.depth -= line.match(new RegExp(`</${html.name}\\b`, 'gi'))?.length ?? 0;
    if (html.depth > 0) return;
    this.#html = null;
    if (html.name === 'details') this.#isInHtml = !html.isMarkdown;
  }

  /** A fence in there hides the end of the element, and may outlive it. */
  #opensFenceIn(html: OpenHtml, line: string): boolean {
    html.isMarkdown = line.trim() === '' || (html.isMarkdown && !htmlBlock.test(line));
    // A list begun in there may go on after the element.
    this.#isInList ||= html.isMarkdown && listMarker.test(line);
    return html.isMarkdown && this.#openFenceAt(line);
  }
}

export function splitBlocks(text: string): Block[] {
  const splitter = new BlockSplitter();
  splitter.append(text);
  return splitter.blocks();
}
