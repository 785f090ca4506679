import { createSHA256 } from 'hash-wasm';
import { endsEarly, streamOf, type ByteSource } from '../../formats/byte-source.ts';

type Hasher = Awaited<ReturnType<typeof createSHA256>>;

export interface OrderedBytesOptions {
  /** Where to begin; `hashState` is then that of everything before. */
  position: number;
  /** Saved state, base64; empty at position 0 or where nothing is hashed. */
  hashState: string;
  isHashed: boolean;
  signal: AbortSignal;
}

/** A source read once from front to back, with a hash over everything that passes by. */
export class OrderedBytes {
  readonly #source: ByteSource;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #hasher: Hasher | undefined;
  #piece: Uint8Array = new Uint8Array(0);
  #position: number;

  private constructor(source: ByteSource, options: OrderedBytesOptions, hasher: Hasher | undefined) {
    this.#source = source;
    this.#position = options.position;
    this.#hasher = hasher;
    this.#pieces = streamOf(source, options.position, options.signal)[Symbol.asyncIterator]();
  }

  static async open(source: ByteSource, options: OrderedBytesOptions): Promise<OrderedBytes> {
    if (!options.isHashed) return new OrderedBytes(source, options, undefined);
    const hasher = await createSHA256();
    if (options.position > 0) hasher.load(Buffer.from(options.hashState, 'base64'));
    return new OrderedBytes(source, options, hasher);
  }

  get position(): number {
    return this.#position;
  }

  /** State of the hash over everything up to `position`, base64. */
  hashState(): string {
    return this.#hasher ? Buffer.from(this.#hasher.save()).toString('base64') : '';
  }

  /** The hash of the whole; only when everything was read. */
  digest(): string | undefined {
    return this.#hasher?.digest();
  }

  async #next(wanted: number): Promise<Uint8Array> {
    while (this.#piece.length === 0) {
      const { value, done } = await this.#pieces.next();
      if (done === true) throw endsEarly(this.#source.name, this.#position, wanted, this.#position);
      this.#piece = value;
    }
    const taken = this.#piece.subarray(0, wanted);
    this.#piece = this.#piece.subarray(taken.length);
    this.#position += taken.length;
    this.#hasher?.update(taken);
    return taken;
  }

  async skipTo(position: number): Promise<void> {
    while (this.#position < position) await this.#next(position - this.#position);
  }

  /** The next bytes, in a buffer of their own. */
  async take(length: number): Promise<ArrayBuffer> {
    const buffer = new ArrayBuffer(length);
    const bytes = new Uint8Array(buffer);
    for (let done = 0; done < length;) {
      const taken = await this.#next(length - done);
      bytes.set(taken, done);
      done += taken.length;
    }
    return buffer;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
