/** A growing list of token ids. */
export class TokenList {
  #ids: Int32Array;
  #length = 0;

  constructor(ids: ArrayLike<number> = []) {
    this.#ids = new Int32Array(Math.max(64, ids.length));
    this.append(ids);
  }

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#ids[index]!;
  }

  push(id: number): void {
    this.#reserve(this.#length + 1);
    this.#ids[this.#length++] = id;
  }

  append(ids: ArrayLike<number>): void {
    this.#reserve(this.#length + ids.length);
    this.#ids.set(ids, this.#length);
    this.#length += ids.length;
  }

  truncate(length: number): void {
    this.#length = Math.min(this.#length, Math.max(0, length));
  }

  /** How many ids at the start are those of `other`. */
  commonPrefix(other: TokenList): number {
    return this.commonStart(other.view());
  }

  commonStart(ids: ArrayLike<number>): number {
    const limit = Math.min(this.#length, ids.length);
    let length = 0;
    while (length < limit && this.#ids[length] === ids[length]) length++;
    return length;
  }

  /** A view; valid until the list grows. */
  view(): Int32Array {
    return this.#ids.subarray(0, this.#length);
  }

  slice(length: number): TokenList {
    return new TokenList(this.#ids.subarray(0, Math.min(length, this.#length)));
  }

  #reserve(length: number): void {
    if (length <= this.#ids.length) return;
    const grown = new Int32Array(Math.max(length, this.#ids.length * 2));
    grown.set(this.view());
    this.#ids = grown;
  }
}
