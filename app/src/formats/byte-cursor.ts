import { endsEarly, type ByteSource } from './byte-source.ts';

const windowBytes = 1 << 18;

/**
 * Little-endian numbers read forward from a source. `need(n)` makes n bytes available; the other methods then take
 * them without waiting, which keeps vocabularies of a quarter million strings quick.
 */
export class ByteCursor {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  readonly #limitBytes: number;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** Where `#bytes` begins in the source. */
  #start = 0;
  #at = 0;

  /** Nothing behind `limitBytes` is ever read. */
  constructor(source: ByteSource, limitBytes: number, signal?: AbortSignal) {
    this.#source = source;
    this.#limitBytes = Math.min(limitBytes, source.sizeBytes);
    this.#signal = signal;
  }

  get position(): number {
    return this.#start + this.#at;
  }

  has(count: number): boolean {
    return this.#at + count <= this.#bytes.byteLength;
  }

  async need(count: number): Promise<void> {
    if (this.has(count)) return;
    const position = this.position;
    if (!(count >= 0) || position + count > this.#limitBytes)
      throw endsEarly(this.#source.name, position, count, this.#limitBytes);
    const wanted = Math.min(Math.max(count, windowBytes), this.#limitBytes - position);
    this.#bytes = new Uint8Array(await this.#source.read(position, wanted, this.#signal));
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    this.#start = position;
    this.#at = 0;
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.byteLength)
      throw endsEarly(this.#source.name, this.position, count, this.#start + this.#bytes.byteLength);
    this.#at = at + count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** A view that is valid until the next `need`. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }
}
