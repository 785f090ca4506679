/** Up to here candidates are kept sorted by insertion; above, everything is sorted at once. */
const insertionLimit = 512;

/**
 * The best candidates of a row of logits, best first; of equals the lower id. Buffers are kept between tokens.
 * `isBroken` tells that the row held a value that is no number, from damaged weights or an overflow.
 */
export class TopCandidates {
  ids: Int32Array;
  logits: Float32Array;
  length = 0;
  isBroken = false;

  constructor() {
    this.ids = new Int32Array(insertionLimit + 1);
    this.logits = new Float32Array(insertionLimit + 1);
  }

  /** Finds the `count` best of those above a floor. */
  select(row: Float32Array, count: number, above = Number.NEGATIVE_INFINITY): void {
    const wanted = Math.min(count, row.length);
    this.isBroken = false;
    if (wanted > insertionLimit) this.#sortAll(row, wanted, above);
    else this.#insert(row, wanted, above);
    if (this.length > 0 && this.logits[0] === Number.POSITIVE_INFINITY) this.isBroken = true;
  }

  #insert(row: Float32Array, wanted: number, above: number): void {
    this.length = 0;
    let floor = above;
    let from = 0;
    // Most values are below the floor: four are looked at before any is taken up. So written that NaN passes too.
    for (; from + 4 <= row.length; from += 4) {
      const isAllBelow =
        row[from]! <= floor && row[from + 1]! <= floor && row[from + 2]! <= floor && row[from + 3]! <= floor;
      if (!isAllBelow) floor = this.#take(row, { from, to: from + 4, wanted, floor });
    }
    this.#take(row, { from, to: row.length, wanted, floor });
  }

  /** Inserts what is above the floor, and returns the new floor. */
  #take(row: Float32Array, span: { from: number; to: number; wanted: number; floor: number }): number {
    const { ids, logits } = this;
    const { to, wanted } = span;
    let { floor } = span;
    for (let id = span.from; id < to; id++) {
      const value = row[id]!;
      if (value <= floor) continue;
      if (Number.isNaN(value)) this.isBroken = true;
      let at = this.length < wanted ? this.length++ : this.length - 1;
      while (at > 0 && logits[at - 1]! < value) {
        logits[at] = logits[at - 1]!;
        ids[at] = ids[at - 1]!;
        at--;
      }
      logits[at] = value;
      ids[at] = id;
      if (this.length === wanted) floor = logits[wanted - 1]!;
    }
    return floor;
  }

  #sortAll(row: Float32Array, wanted: number, above: number): void {
    if (this.ids.length < row.length) {
      this.ids = new Int32Array(row.length);
      this.logits = new Float32Array(row.length);
    }
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
  return key % idBits;
}
