import { maxSelected, type LogitKernels } from './logit-kernels.ts';

/**
 * The best candidates of a row of logits, best first; of equals the lower id. Buffers are kept between tokens.
 * `isBroken` tells that the row held a value that is no number, from damaged weights or an overflow.
 */
export class TopCandidates {
  ids: Int32Array = new Int32Array(0);
  logits: Float32Array = new Float32Array(0);
  length = 0;
  isBroken = false;
  readonly #kernels: LogitKernels;
  #row: Float32Array = new Float32Array(0);

  constructor(kernels: LogitKernels) {
    this.#kernels = kernels;
  }

  /** The row that the other methods look at, as it is now. */
  read(row: Float32Array): void {
    this.#row = row;
    this.#kernels.take(row);
  }

  /** Finds the `count` best of those above a floor. */
  select(count: number, above = Number.NEGATIVE_INFINITY): void {
    const wanted = Math.min(count, this.#row.length);
    this.isBroken = false;
    if (wanted > maxSelected) this.#sortAll(wanted, above);
    else this.#keepBest(wanted, above);
    if (this.length > 0 && this.logits[0] === Number.POSITIVE_INFINITY) this.isBroken = true;
  }

  /** Sum of e^(logit - best) over the whole row. */
  massOfAll(best: number): number {
    return this.#kernels.sumOfExponentials(best);
  }

  #keepBest(wanted: number, above: number): void {
    const found = this.#kernels.selectTop(wanted, above);
    this.isBroken = found < 0;
    this.length = found < 0 ? -1 - found : found;
    this.ids = this.#kernels.ids;
    this.logits = this.#kernels.values;
  }

  /** Where more are wanted than can be kept sorted by insertion, everything is sorted at once. */
  #sortAll(wanted: number, above: number): void {
    const row = this.#row;
    const keys = new Float64Array(row.length);
    let kept = 0;
    for (let id = 0; id < row.length; id++) {
      const value = row[id]!;
      if (value <= above) continue;
      if (Number.isNaN(value)) this.isBroken = true;
      else keys[kept++] = sortKey(value, id);
    }
    const order = keys.subarray(0, kept).sort();
    this.length = Math.min(wanted, kept);
    this.ids = new Int32Array(this.length);
    this.logits = new Float32Array(this.length);
    for (let index = 0; index < this.length; index++) {
      const id = idOfKey(order[index]!);
      this.ids[index] = id;
      this.logits[index] = row[id]!;
    }
  }
}

const bits = new DataView(new ArrayBuffer(4));
const idBits = 2 ** 21;

/** An integer that sorts ascending by falling logit, then rising id: both fit into the 53 bits of a double. */
function sortKey(value: number, id: number): number {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const rising = word >= 0x8000_0000 ? 0xffff_ffff - word : word + 0x8000_0000;
  return (0xffff_ffff - rising) * idBits + id;
}

function idOfKey(key: number): number {
  // Exact, and many times faster than the remainder of a double.
  return key - Math.floor(key / idBits) * idBits;
}
