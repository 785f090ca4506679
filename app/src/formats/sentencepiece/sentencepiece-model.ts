import { AppError } from '../../contracts/app-error.ts';

/** What a tokenizer.model may ask of this reader. */
export const sentencePieceLimits = {
  /** Gemma's, the largest in use, has 4 MB. */
  maximumBytes: 64 * 1024 * 1024,
  /** The largest vocabularies have 262 144. */
  maximumPieces: 1_000_000,
  /** Long runs of spaces are the longest real pieces. */
  maximumPieceBytes: 8192,
} as const;

/** 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte: GGUF numbers them the same. */
export type PieceType = 1 | 2 | 3 | 4 | 5 | 6;

export interface SentencePiece {
  piece: string;
  score: number;
  type: PieceType;
}

export interface SentencePieceModel {
  pieces: SentencePiece[];
  /** 1 unigram, 2 byte-pair merges, 3 words, 4 characters. */
  modelType: number;
  addDummyPrefix: boolean;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function invalid(name: string, why: string): AppError {
  return new AppError('file-invalid', `${name} is not a sound SentencePiece model: ${why}.`);
}

/** Protocol-buffer fields, forward only. */
class FieldReader {
  readonly #name: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(name: string, bytes: Uint8Array) {
    this.#name = name;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw invalid(this.#name, 'it ends in the middle of a field');
    this.#at += count;
    return at;
  }

  /** Up to 53 bits; the upper bits of negative numbers are dropped, which no field read here has. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      if (shift < 49) value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw invalid(this.#name, 'a number has more than ten bytes');
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  length(): Uint8Array {
    const length = this.varint();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.#take(8);
    else if (wireType === 2) this.length();
    else if (wireType === 5) this.#take(4);
    else throw invalid(this.#name, `a field has wire type ${wireType}`);
  }

  /** Calls back with each field's number and wire type; what the callback does not take is skipped. */
  each(take: (field: number, wireType: number) => boolean): void {
    while (!this.isDone) {
      const tag = this.varint();
      const wireType = tag % 8;
      if (!take(Math.floor(tag / 8), wireType)) this.skip(wireType);
    }
  }
}

function readPiece(name: string, bytes: Uint8Array): SentencePiece {
  const piece: SentencePiece = { piece: '', score: 0, type: 1 };
  const reader = new FieldReader(name, bytes);
  reader.each((field, wireType) => {
    if (field === 1 && wireType === 2) piece.piece = pieceText(name, reader.length());
    else if (field === 2 && wireType === 5) piece.score = reader.float();
    else if (field === 3 && wireType === 0) piece.type = pieceType(name, reader.varint());
    else return false;
    return true;
  });
  if (!Number.isFinite(piece.score)) throw invalid(name, 'a score is not finite');
  return piece;
}

function pieceText(name: string, bytes: Uint8Array): string {
  if (bytes.length > sentencePieceLimits.maximumPieceBytes) throw invalid(name, 'a piece is very long');
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid(name, 'a piece is not UTF-8');
  }
}

function pieceType(name: string, value: number): PieceType {
  if (value < 1 || value > 6) throw invalid(name, `a piece has type ${value}`);
  return value as PieceType;
}

export function readSentencePiece(name: string, bytes: Uint8Array): SentencePieceModel {
  if (bytes.byteLength > sentencePieceLimits.maximumBytes) throw invalid(name, 'it is very large');
  const model: SentencePieceModel = { pieces: [], modelType: 1, addDummyPrefix: true };
  const reader = new FieldReader(name, bytes);
  const flag = (wanted: number, nested: Uint8Array, take: (value: number) => void): void => {
    const inner = new FieldReader(name, nested);
    inner.each((field, wireType) => {
      if (field !== wanted || wireType !== 0) return false;
      take(inner.varint());
      return true;
    });
  };
  reader.each((field, wireType) => {
    if (wireType !== 2) return false;
    if (field === 1) model.pieces.push(readPiece(name, reader.length()));
    else if (field === 2) flag(3, reader.length(), (value) => (model.modelType = value));
    else if (field === 3) flag(3, reader.length(), (value) => (model.addDummyPrefix = value !== 0));
    else return false;
    if (model.pieces.length > sentencePieceLimits.maximumPieces)
      throw invalid(name, 'it has too many pieces');
    return true;
  });
  if (model.pieces.length === 0) throw invalid(name, 'it has no pieces');
  return model;
}

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

function lengthField(field: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([field * 8 + 2, ...varintBytes(content.length)]), content]);
}

/** A tokenizer.model of byte-pair merges with byte fallback, as LLaMA's is. */
export function encodeSentencePiece(pieces: readonly SentencePiece[]): Uint8Array {
  const encoded = pieces.map(({ piece, score, type }) => {
    const float = Buffer.alloc(5);
    float[0] = 2 * 8 + 5;
    float.writeFloatLE(score, 1);
    const kind = type === 1 ? [] : [3 * 8, type];
    return lengthField(1, Buffer.concat([lengthField(1, Buffer.from(piece)), float, Uint8Array.from(kind)]));
  });
  // trainer_spec: model_type = BPE, vocab_size, byte_fallback; normalizer_spec: identity, dummy prefix, keep spaces
  const trainer = Uint8Array.from([24, 2, 32, ...varintBytes(pieces.length), ...varintBytes(35 * 8), 1]);
  const normalizer = Buffer.concat([
    lengthField(1, Buffer.from('identity')),
    Uint8Array.from([24, 1, 32, 0]),
  ]);
  return Buffer.concat([...encoded, lengthField(2, trainer), lengthField(3, normalizer)]);
}
