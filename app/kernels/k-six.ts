/** q6_k: 256 weights share a half float; each 16 of them have a signed 8-bit scale. */
import { loadHalf, storeHalf } from './halves';
import { clamp, interleave, nearest, nearestScalar, packBytes } from './k-lanes';

const values = memory.data(16 * 16, 16);
const squares = memory.data(16 * 16, 16);
const cubes = memory.data(16 * 16, 16);
const scales = memory.data(16 * 4, 16);
const bestInverse = memory.data(16 * 4, 16);
const isEmpty = memory.data(16 * 4, 16);
const codes = memory.data(256, 16);

const magic: f32 = 12582912;
const tiny: f32 = 1e-15;

/** Scales of the four runs in `values`, into the tables at index `at`. */
function search(at: usize): void {
  const zero = f32x4.splat(0);
  let largest = zero;
  let extreme = zero;
  for (let i: usize = 0; i < 256; i += 16) {
    const x = v128.load(values + i);
    const magnitude = f32x4.abs(x);
    extreme = v128.bitselect(x, extreme, f32x4.gt(magnitude, largest));
    largest = f32x4.pmax(largest, magnitude);
    const square = f32x4.mul(x, x);
    v128.store(squares + i, square);
    v128.store(cubes + i, f32x4.mul(square, x));
  }
  const empty = f32x4.lt(largest, f32x4.splat(tiny));
  let usedInverse = zero;
  let scale = zero;
  let best = zero;
  const base = f32x4.splat(magic);
  const bottom = f32x4.splat(magic - 32);
  const top = f32x4.splat(magic + 31);
  for (let step = 0; step < 19; step++) {
    // The first try is the plain one; then come -9 to 9 without 0.
    const shift: f32 = step == 0 ? 0 : step <= 9 ? <f32>(step - 10) : <f32>(step - 9);
    const inverse = f32x4.div(f32x4.splat(-(<f32>32 + <f32>0.1 * shift)), extreme);
    let sumXL = zero;
    let sumLL = zero;
    for (let i: usize = 0; i < 256; i += 16) {
      const sum = f32x4.add(f32x4.mul(inverse, v128.load(values + i)), base);
      const l = f32x4.sub(f32x4.pmin(top, f32x4.pmax(bottom, sum)), base);
      sumXL = f32x4.add(sumXL, f32x4.mul(v128.load(cubes + i), l));
      sumLL = f32x4.add(sumLL, f32x4.mul(f32x4.mul(v128.load(squares + i), l), l));
    }
    const quotient = f32x4.div(sumXL, sumLL);
    if (step == 0) {
      usedInverse = inverse;
      scale = v128.bitselect(zero, quotient, f32x4.eq(sumLL, zero));
      best = f32x4.mul(scale, sumXL);
      continue;
    }
    const isBetter = v128.and(
      f32x4.gt(sumLL, zero),
      f32x4.gt(f32x4.mul(sumXL, sumXL), f32x4.mul(best, sumLL)),
    );
    usedInverse = v128.bitselect(inverse, usedInverse, isBetter);
    scale = v128.bitselect(quotient, scale, isBetter);
    best = v128.bitselect(f32x4.mul(quotient, sumXL), best, isBetter);
  }
  v128.store(scales + at, v128.andnot(scale, empty));
  v128.store(bestInverse + at, usedInverse);
  v128.store(isEmpty + at, empty);
}

@inline
function encodeAgain(x: v128, scale: v128): v128 {
  const l = clamp(nearest(f32x4.div(x, scale)), i32x4.splat(-32), i32x4.splat(31));
  return i32x4.add(l, i32x4.splat(32));
}

@inline
function encodeAsFound(x: v128, inverse: v128): v128 {
  const l = clamp(nearest(f32x4.mul(inverse, x)), i32x4.splat(-32), i32x4.splat(31));
  return i32x4.add(l, i32x4.splat(32));
}

function finalCodes(source: usize, target: usize): void {
  const scale = loadHalf(target + 208);
  for (let j: usize = 0; j < 16; j++) {
    const at = source + (j << 6);
    const out = codes + (j << 4);
    const runScale: f32 = scale * <f32>load<i8>(target + 192 + j);
    if (runScale != 0) {
      const s = f32x4.splat(runScale);
      packBytes(
        out,
        encodeAgain(v128.load(at), s),
        encodeAgain(v128.load(at, 16), s),
        encodeAgain(v128.load(at, 32), s),
        encodeAgain(v128.load(at, 48), s),
      );
    } else if (load<i32>(isEmpty + (j << 2)) != 0) v128.store(out, i8x16.splat(0));
    else {
      const inverse = v128.load32_splat(bestInverse + (j << 2));
      packBytes(
        out,
        encodeAsFound(v128.load(at), inverse),
        encodeAsFound(v128.load(at, 16), inverse),
        encodeAsFound(v128.load(at, 32), inverse),
        encodeAsFound(v128.load(at, 48), inverse),
      );
    }
  }
}

/** The scale of largest magnitude, the first of equals. */
function extremeScale(): f32 {
  let largest: f32 = 0;
  let extreme: f32 = 0;
  for (let j: usize = 0; j < 64; j += 4) {
    const scale = load<f32>(scales + j);
    if (abs(scale) > largest) {
      largest = abs(scale);
      extreme = scale;
    }
  }
  return extreme;
}

export function quantiseQ6K(source: usize, target: usize, count: i32): void {
  const nibble = i8x16.splat(15);
  for (let end = source + (<usize>count << 2); source < end; source += 1024, target += 210) {
    for (let group: usize = 0; group < 4; group++) {
      interleave(source + (group << 8), 64, 16, values);
      search(group << 4);
    }
    const extreme = extremeScale();
    if (abs(extreme) < tiny) {
      memory.fill(target, 0, 210);
      continue;
    }
    const inverse: f32 = <f32>-128 / extreme;
    storeHalf(target + 208, <f32>1 / inverse);
    for (let j: usize = 0; j < 16; j++)
      store<i8>(target + 192 + j, <i8>min(127, nearestScalar(inverse * load<f32>(scales + (j << 2)))));
    finalCodes(source, target);
    for (let part: usize = 0; part < 2; part++)
      for (let half: usize = 0; half < 32; half += 16) {
        const from = codes + (part << 7) + half;
        const a = v128.load(from);
        const b = v128.load(from, 32);
        const c = v128.load(from, 64);
        const d = v128.load(from, 96);
        const low = target + (part << 6) + half;
        v128.store(low, v128.or(v128.and(a, nibble), i8x16.shl(v128.and(c, nibble), 4)));
        v128.store(low, v128.or(v128.and(b, nibble), i8x16.shl(v128.and(d, nibble), 4)), 32);
        const ab = v128.or(i8x16.shr_u(a, 4), i8x16.shl(i8x16.shr_u(b, 4), 2));
        const cd = v128.or(i8x16.shl(i8x16.shr_u(c, 4), 4), i8x16.shl(i8x16.shr_u(d, 4), 6));
        v128.store(target + 128 + (part << 5) + half, v128.or(ab, cd));
      }
  }
}
