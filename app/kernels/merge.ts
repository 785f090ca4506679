/** weights += b · a, with b already scaled. Sums run over the rank in order, one product after the other. */

/**
 * `a` lies in panels: for each 8 columns all ranks, 8 floats each (the last panel is filled up with zeros).
 * `weights` is rows × columns, `b` is rows × rank. 16 panels at a time stay in the first-level cache.
 */
export function mergeLora(weights: usize, b: usize, a: usize, rows: i32, columns: i32, rank: i32): void {
  const wholePanels = columns >> 3;
  for (let first = 0; first < wholePanels; first += 16) {
    const last = min(first + 16, wholePanels);
    let row = 0;
    for (; row + 4 <= rows; row += 4) fourRows(weights, b, a, row, first, last, columns, rank);
    for (; row < rows; row++) oneRow(weights, b, a, row, first, last, columns, rank);
  }
  const rest = columns & 7;
  if (rest == 0) return;
  const panel = a + (<usize>wholePanels * <usize>rank << 5);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < rest; column++) {
      let sum: f32 = 0;
      for (let k = 0; k < rank; k++)
        sum += load<f32>(b + (<usize>(row * rank + k) << 2)) * load<f32>(panel + (<usize>(k * 8 + column) << 2));
      const at = weights + (<usize>(row * columns + (wholePanels << 3) + column) << 2);
      store<f32>(at, load<f32>(at) + sum);
    }
}

@inline
function addTo(at: usize, low: v128, high: v128): void {
  v128.store(at, f32x4.add(v128.load(at), low));
  v128.store(at, f32x4.add(v128.load(at, 16), high), 16);
}

function fourRows(weights: usize, b: usize, a: usize, row: i32, first: i32, last: i32, columns: i32, rank: i32): void {
  const stride = <usize>rank << 2;
  const b0 = b + <usize>row * stride;
  const b1 = b0 + stride;
  const b2 = b1 + stride;
  const b3 = b2 + stride;
  for (let panel = first; panel < last; panel++) {
    const zero = f32x4.splat(0);
    let s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
    let from = a + (<usize>panel * <usize>rank << 5);
    for (let k: usize = 0; k < stride; k += 4) {
      const low = v128.load(from);
      const high = v128.load(from, 16);
      from += 32;
      const f0 = v128.load32_splat(b0 + k);
      s0 = f32x4.add(s0, f32x4.mul(f0, low));
      s1 = f32x4.add(s1, f32x4.mul(f0, high));
      const f1 = v128.load32_splat(b1 + k);
      s2 = f32x4.add(s2, f32x4.mul(f1, low));
      s3 = f32x4.add(s3, f32x4.mul(f1, high));
      const f2 = v128.load32_splat(b2 + k);
      s4 = f32x4.add(s4, f32x4.mul(f2, low));
      s5 = f32x4.add(s5, f32x4.mul(f2, high));
      const f3 = v128.load32_splat(b3 + k);
      s6 = f32x4.add(s6, f32x4.mul(f3, low));
      s7 = f32x4.add(s7, f32x4.mul(f3, high));
    }
    const at = weights + (<usize>(row * columns + (panel << 3)) << 2);
    const next = <usize>columns << 2;
    addTo(at, s0, s1);
    addTo(at + next, s2, s3);
    addTo(at + next * 2, s4, s5);
    addTo(at + next * 3, s6, s7);
  }
}

function oneRow(weights: usize, b: usize, a: usize, row: i32, first: i32, last: i32, columns: i32, rank: i32): void {
  const factors = b + (<usize>(row * rank) << 2);
  for (let panel = first; panel < last; panel++) {
    let low = f32x4.splat(0);
    let high = low;
    let from = a + (<usize>panel * <usize>rank << 5);
    for (let k: usize = 0; k < <usize>rank; k++) {
      const factor = v128.load32_splat(factors + (k << 2));
      low = f32x4.add(low, f32x4.mul(factor, v128.load(from)));
      high = f32x4.add(high, f32x4.mul(factor, v128.load(from, 16)));
      from += 32;
    }
    addTo(weights + (<usize>(row * columns + (panel << 3)) << 2), low, high);
  }
}
