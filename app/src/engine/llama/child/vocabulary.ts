import { AppError } from '../../../contracts/app-error.ts';
import type { Bindings } from './bindings.ts';
import type { Pointer } from './structs.ts';

const sentencePiece = 1;
const stripsLeft = 1 << 7;
const stripsRight = 1 << 8;
/** The longest piece met in real vocabularies is below 512 bytes; the buffer grows when one is longer. */
const pieceBytes = 512;
const noBytes = new Uint8Array(0);
/** Longer texts are cut: for characters that are no token the library takes time with the square of their number. */
const wholeCharacters = 4000;
/** What it is given at once then has at least so many. */
const pieceCharacters = 1000;

interface TokenizeOptions {
  addSpecial: boolean;
  parseSpecial: boolean;
}

/** The tokenizer of a loaded model. Ids that come from outside must pass `check` before native code sees them. */
export class Vocabulary {
  readonly pointer: Pointer;
  readonly size: number;
  readonly bosId: number | null;
  readonly eosId: number | null;
  readonly addsBos: boolean;
  readonly endIds: readonly number[];
  /** Whether text at the start and after a special token gets a space before it. */
  readonly prefixesSpace: boolean;
  readonly #library: Bindings;
  readonly #isSentencePiece: boolean;
  #foreignBorder: RegExp | null = null;
  readonly #ends: Uint8Array;
  readonly #pieces: (Uint8Array | undefined)[];
  readonly #specialPieces = new Map<number, Uint8Array>();
  #buffer = new Uint8Array(pieceBytes);

  constructor(library: Bindings, vocab: Pointer) {
    this.#library = library;
    this.pointer = vocab;
    this.size = library.vocabSize(vocab);
    const bos = library.vocabBos(vocab);
    this.bosId = bos < 0 ? null : bos;
    const eos = library.vocabEos(vocab);
    this.eosId = eos < 0 ? null : eos;
    this.addsBos = bos >= 0 && library.vocabAddsBos(vocab);
    this.#ends = new Uint8Array(this.size);
    for (let id = 0; id < this.size; id++) this.#ends[id] = library.vocabIsEnd(vocab, id) ? 1 : 0;
    this.endIds = [...this.#ends.keys()].filter((id) => this.#ends[id] === 1);
    this.#pieces = Array.from({ length: this.size });
    this.#isSentencePiece = library.vocabType(vocab) === sentencePiece;
    this.prefixesSpace = this.#isSentencePiece && this.#startsWithSpace();
  }

  /** Whether this token ends the model's turn. */
  isEnd(id: number): boolean {
    return this.#ends[id] === 1;
  }

  /** Tokens that a template may write and a person may not. */
  specialTokens(): { id: number; text: string; stripLeft: boolean; stripRight: boolean }[] {
    const tokens = [];
    for (let id = 0; id < this.size; id++) {
      if (!this.#library.vocabIsControl(this.pointer, id) && !this.isEnd(id)) continue;
      const attributes = this.#library.vocabAttributes(this.pointer, id);
      tokens.push({
        id,
        text: this.#library.vocabText(this.pointer, id) ?? '',
        stripLeft: (attributes & stripsLeft) !== 0,
        stripRight: (attributes & stripsRight) !== 0,
      });
    }
    return tokens;
  }

  /** Throws `token-out-of-range` unless every id belongs to this vocabulary. */
  check(ids: readonly number[] | Int32Array): void {
    for (const id of ids) {
      if (!(id >= 0 && id < this.size)) {
        throw new AppError(
          'token-out-of-range',
          `Token id ${id} is outside this model's vocabulary of ${this.size} tokens.`,
          { details: { id, vocabularySize: this.size } },
        );
      }
    }
  }

  /** The bytes that a token stands for in an answer; control tokens stand for none. May be part of a character. */
  piece(id: number): Uint8Array {
    const known = this.#pieces[id];
    if (known !== undefined) return known;
    const bytes = this.#readPiece(id, false);
    this.#pieces[id] = bytes;
    return bytes;
  }

  /** Like `piece`, with control tokens as their own text. */
  specialPiece(id: number): Uint8Array {
    const known = this.#specialPieces.get(id);
    if (known !== undefined) return known;
    const bytes = this.#readPiece(id, true);
    this.#specialPieces.set(id, bytes);
    return bytes;
  }

  /** The bytes of each token, as texts in which a character is a byte; special tokens as their own text. */
  latinPieces(ids: readonly number[]): string[] {
    this.check(ids);
    return ids.map((id) => Buffer.from(this.specialPiece(id)).toString('latin1'));
  }

  /** The text of ids with special tokens written out, as a prompt is shown. */
  detokenize(ids: readonly number[] | Int32Array): string {
    this.check(ids);
    const bytes = Buffer.concat(Array.from(ids, (id) => this.specialPiece(id)));
    const text = bytes.toString('utf8');
    const isSpaceAdded = this.prefixesSpace && ids.length > 0 && text.startsWith(' ');
    return isSpaceAdded ? text.slice(1) : text;
  }

  /**
   * `addSpecial` puts the tokens at the ends that the model was trained with (BOS); `parseSpecial` reads the text of
   * control tokens as control tokens, so it must be false for what a person typed.
   */
  tokenize(text: string, options: TokenizeOptions): number[] {
    const pieces = this.#isSentencePiece && text.length > wholeCharacters ? this.#cut(text) : [text];
    if (pieces.length === 1) return this.#tokenizeWhole(text, options);
    const { addSpecial, parseSpecial } = options;
    const ends = addSpecial ? this.#tokenizeWhole('', options) : [];
    const begin = ends.splice(0, this.addsBos ? 1 : 0);
    const inner = { addSpecial: false, parseSpecial };
    const ids = pieces.flatMap((piece, index) =>
      index === 0 ? this.#tokenizeWhole(piece, inner) : this.tokenizeContinuation(piece, parseSpecial),
    );
    return [...begin, ...ids, ...ends];
  }

  /** Tokens of text that goes on right after other text: no space is put before it. */
  tokenizeContinuation(text: string, parseSpecial = false): number[] {
    const options = { addSpecial: false, parseSpecial };
    if (!this.prefixesSpace) return this.tokenize(text, options);
    const lead = this.tokenize('\n', options);
    const ids = this.tokenize(`\n${text}`, options);
    const isIntact = lead.every((id, index) => ids[index] === id);
    return isIntact ? ids.slice(lead.length) : this.tokenize(text, options);
  }

  /**
   * Cut between characters that are in no token: such a one is never joined with what is beside it, and before it
   * stands none after which the tokenizer puts a space.
   */
  #cut(given: string): string[] {
    const text = given.toWellFormed();
    const border = (this.#foreignBorder ??= this.#findForeignBorder());
    const pieces = [];
    let start = 0;
    while (start < text.length) {
      border.lastIndex = start + pieceCharacters;
      const end = border.exec(text)?.index ?? text.length;
      pieces.push(text.slice(start, end));
      start = end;
    }
    return pieces;
  }

  #findForeignBorder(): RegExp {
    const known = new Set([' ']);
    let areBlanksTaken = false;
    for (let id = 0; id < this.size; id++) {
      for (const character of this.#library.vocabText(this.pointer, id) ?? '') known.add(character);
      areBlanksTaken ||= (this.#library.vocabAttributes(this.pointer, id) & (stripsLeft | stripsRight)) !== 0;
    }
    const escapes = Array.from(known, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
    const foreign = `[^${escapes.join('')}${areBlanksTaken ? '\\s' : ''}]`;
    return new RegExp(`(?<=${foreign})${foreign}`, 'gu');
  }

  #tokenizeWhole(text: string, options: TokenizeOptions): number[] {
    const bytes = Buffer.from(text, 'utf8');
    let ids = new Int32Array(bytes.length + 16);
    let count = this.#tokenizeInto(bytes, ids, options);
    if (count < 0) {
      ids = new Int32Array(-count);
      count = this.#tokenizeInto(bytes, ids, options);
    }
    return Array.from(ids.subarray(0, Math.max(0, count)));
  }

  #tokenizeInto(bytes: Buffer, ids: Int32Array, options: TokenizeOptions): number {
    const { addSpecial, parseSpecial } = options;
    return this.#library.tokenize(
      this.pointer,
      bytes.length === 0 ? Buffer.alloc(1) : bytes,
      bytes.length,
      ids,
      ids.length,
      addSpecial,
      parseSpecial,
    );
  }

  #readPiece(id: number, special: boolean): Uint8Array {
    let length = this.#library.tokenPiece(this.pointer, id, this.#buffer, this.#buffer.length, 0, special);
    if (length < 0) {
      this.#buffer = new Uint8Array(-length);
      length = this.#library.tokenPiece(this.pointer, id, this.#buffer, this.#buffer.length, 0, special);
    }
    return length > 0 ? this.#buffer.slice(0, length) : noBytes;
  }

  #startsWithSpace(): boolean {
    const [first] = this.tokenize('a', { addSpecial: false, parseSpecial: false });
    return first !== undefined && this.#readPiece(first, false)[0] === 0x20;
  }
}
