/** q4_k and q5_k: 256 weights share two half floats; each 32 of them have a 6-bit scale and a 6-bit minimum. */
import { loadHalf, storeHalf } from './halves';
import { clamp, interleave, nearest, nearestScalar, packBytes } from './k-lanes';

const weights = memory.data(32 * 16, 16);
const values = memory.data(32 * 16, 16);
const codesNow = memory.data(32 * 16, 16);
const scales = memory.data(8 * 4, 16);
const minima = memory.data(8 * 4, 16);
/** With which reciprocal and minimum the best codes of each run were found. */
const bestInverse = memory.data(8 * 4, 16);
const bestMinimum = memory.data(8 * 4, 16);
const isFlat = memory.data(8 * 4, 16);
const codes = memory.data(256, 16);

const magic: f32 = 12582912;

/** Weight of each value: its magnitude plus the root of the run's mean square. */
function weigh(): void {
  let squares = f32x4.splat(0);
  for (let i: usize = 0; i < 512; i += 16) {
    const x = v128.load(values + i);
    squares = f32x4.add(squares, f32x4.mul(x, x));
  }
  const mean = f32x4.sqrt(f32x4.div(squares, f32x4.splat(32)));
  for (let i: usize = 0; i < 512; i += 16)
    v128.store(weights + i, f32x4.add(mean, f32x4.abs(v128.load(values + i))));
}

/** Least-squares search for scale and minimum of the four runs in `values`; results at index `at` of the tables. */
function search(at: usize, highest: f32, start: f32, steps: i32): void {
  let low = v128.load(values);
  let high = low;
  let sumW = v128.load(weights);
  let sumX = f32x4.mul(sumW, low);
  for (let i: usize = 16; i < 512; i += 16) {
    const x = v128.load(values + i);
    const w = v128.load(weights + i);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    sumW = f32x4.add(sumW, w);
    sumX = f32x4.add(sumX, f32x4.mul(w, x));
  }
  const zero = f32x4.splat(0);
  const lowest = low;
  let minimum = f32x4.pmin(low, zero);
  const flat = f32x4.eq(high, minimum);
  let inverse = f32x4.div(f32x4.splat(highest), f32x4.sub(high, minimum));
  let scale = f32x4.div(f32x4.splat(1), inverse);
  let usedInverse = inverse;
  let usedMinimum = minimum;
  encode(inverse, minimum, highest, isSafe(inverse, minimum, lowest, high, flat));
  let best = errorOf(scale, minimum);
  for (let step = 0; step <= steps; step++) {
    const spread = f32x4.splat(start + <f32>0.1 * <f32>step + highest);
    inverse = f32x4.div(spread, f32x4.sub(high, minimum));
    encode(inverse, minimum, highest, isSafe(inverse, minimum, lowest, high, flat));
    let sumL = zero;
    let sumLL = zero;
    let sumXL = zero;
    for (let i: usize = 0; i < 512; i += 16) {
      const l = v128.load(codesNow + i);
      const wl = f32x4.mul(v128.load(weights + i), l);
      sumL = f32x4.add(sumL, wl);
      sumLL = f32x4.add(sumLL, f32x4.mul(wl, l));
      sumXL = f32x4.add(sumXL, f32x4.mul(wl, v128.load(values + i)));
    }
    const determinant = f32x4.sub(f32x4.mul(sumW, sumLL), f32x4.mul(sumL, sumL));
    const scaleHere = f32x4.div(f32x4.sub(f32x4.mul(sumW, sumXL), f32x4.mul(sumX, sumL)), determinant);
    const minimumHere = f32x4.div(f32x4.sub(f32x4.mul(sumLL, sumX), f32x4.mul(sumL, sumXL)), determinant);
    const isPositive = f32x4.gt(minimumHere, zero);
    const newScale = v128.bitselect(f32x4.div(sumXL, sumLL), scaleHere, isPositive);
    const newMinimum = v128.bitselect(zero, minimumHere, isPositive);
    const error = errorOf(newScale, newMinimum);
    const isBetter = v128.and(f32x4.gt(determinant, zero), f32x4.lt(error, best));
    usedInverse = v128.bitselect(inverse, usedInverse, isBetter);
    usedMinimum = v128.bitselect(minimum, usedMinimum, isBetter);
    best = v128.bitselect(error, best, isBetter);
    scale = v128.bitselect(newScale, scale, isBetter);
    minimum = v128.bitselect(newMinimum, minimum, v128.andnot(isBetter, flat));
  }
  v128.store(scales + at, v128.andnot(scale, flat));
  v128.store(minima + at, f32x4.neg(minimum));
  v128.store(bestInverse + at, usedInverse);
  v128.store(bestMinimum + at, usedMinimum);
  v128.store(isFlat + at, flat);
}

/** Whether rounding by adding and subtracting a large number gives what nearest_int gives, in every lane that counts. */
@inline
function isSafe(inverse: v128, minimum: v128, lowest: v128, high: v128, flat: v128): bool {
  const reach = f32x4.pmax(f32x4.abs(f32x4.sub(high, minimum)), f32x4.abs(f32x4.sub(lowest, minimum)));
  const inRange = f32x4.lt(f32x4.mul(f32x4.abs(inverse), reach), f32x4.splat(4000000));
  return i32x4.all_true(v128.or(inRange, flat));
}

/** Codes of all values, as floats, into `codesNow`. */
@inline
function encode(inverse: v128, minimum: v128, highest: f32, safe: bool): void {
  if (safe) {
    const base = f32x4.splat(magic);
    const top = f32x4.splat(magic + highest);
    for (let i: usize = 0; i < 512; i += 16) {
      const value = f32x4.mul(inverse, f32x4.sub(v128.load(values + i), minimum));
      const sum = f32x4.pmin(top, f32x4.pmax(base, f32x4.add(value, base)));
      v128.store(codesNow + i, f32x4.sub(sum, base));
    }
    return;
  }
  const top = i32x4.splat(<i32>highest);
  for (let i: usize = 0; i < 512; i += 16) {
    const value = f32x4.mul(inverse, f32x4.sub(v128.load(values + i), minimum));
    v128.store(codesNow + i, f32x4.convert_i32x4_s(clamp(nearest(value), i32x4.splat(0), top)));
  }
}

@inline
function errorOf(scale: v128, minimum: v128): v128 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < 512; i += 16) {
    const restored = f32x4.add(f32x4.mul(scale, v128.load(codesNow + i)), minimum);
    const difference = f32x4.sub(restored, v128.load(values + i));
    sum = f32x4.add(sum, f32x4.mul(v128.load(weights + i), f32x4.mul(difference, difference)));
  }
  return sum;
}

/** The 16-byte head of a block: two half floats and eight pairs of 6-bit numbers. */
function writeHead(target: usize): void {
  let largestScale: f32 = 0;
  let largestMinimum: f32 = 0;
  for (let j: usize = 0; j < 32; j += 4) {
    const scale = load<f32>(scales + j);
    const minimum = load<f32>(minima + j);
    if (scale > largestScale) largestScale = scale;
    if (minimum > largestMinimum) largestMinimum = minimum;
  }
  const inverseScale: f32 = largestScale > 0 ? <f32>63 / largestScale : 0;
  const inverseMinimum: f32 = largestMinimum > 0 ? <f32>63 / largestMinimum : 0;
  const packed = target + 4;
  for (let j: usize = 0; j < 8; j++) {
    const scale = min<u32>(63, <u32>nearestScalar(inverseScale * load<f32>(scales + (j << 2))) & 255);
    const minimum = min<u32>(63, <u32>nearestScalar(inverseMinimum * load<f32>(minima + (j << 2))) & 255);
    if (j < 4) {
      store<u8>(packed + j, <u8>scale);
      store<u8>(packed + j + 4, <u8>minimum);
    } else {
      store<u8>(packed + j + 4, <u8>((scale & 15) | ((minimum & 15) << 4)));
      store<u8>(packed + j - 4, load<u8>(packed + j - 4) | <u8>((scale >> 4) << 6));
      store<u8>(packed + j, load<u8>(packed + j) | <u8>((minimum >> 4) << 6));
    }
  }
  storeHalf(target, largestScale / <f32>63);
  storeHalf(target + 2, largestMinimum / <f32>63);
}

@inline
function packedScale(packed: usize, j: usize): u32 {
  if (j < 4) return load<u8>(packed + j) & 63;
  return (load<u8>(packed + j + 4) & 15) | ((load<u8>(packed + j - 4) >> 6) << 4);
}

@inline
function packedMinimum(packed: usize, j: usize): u32 {
  if (j < 4) return load<u8>(packed + j + 4) & 63;
  return (load<u8>(packed + j + 4) >> 4) | ((load<u8>(packed + j) >> 6) << 4);
}

@inline
function encodeAgain(x: v128, minimum: v128, scale: v128, top: v128): v128 {
  return clamp(nearest(f32x4.div(f32x4.add(x, minimum), scale)), i32x4.splat(0), top);
}

@inline
function encodeAsFound(x: v128, inverse: v128, minimum: v128, top: v128): v128 {
  return clamp(nearest(f32x4.mul(inverse, f32x4.sub(x, minimum))), i32x4.splat(0), top);
}

/** Final codes with the rounded scales; a run whose scale rounded to zero keeps the codes that its search found. */
function finalCodes(source: usize, target: usize, highest: i32): void {
  const top = i32x4.splat(highest);
  const scale = loadHalf(target);
  const minimum = loadHalf(target + 2);
  for (let j: usize = 0; j < 8; j++) {
    const at = source + (j << 7);
    const out = codes + (j << 5);
    const runScale: f32 = scale * <f32>packedScale(target + 4, j);
    if (runScale != 0) {
      const s = f32x4.splat(runScale);
      const m = f32x4.splat(minimum * <f32>packedMinimum(target + 4, j));
      for (let half: usize = 0; half < 2; half++) {
        const from = at + (half << 6);
        packBytes(
          out + (half << 4),
          encodeAgain(v128.load(from), m, s, top),
          encodeAgain(v128.load(from, 16), m, s, top),
          encodeAgain(v128.load(from, 32), m, s, top),
          encodeAgain(v128.load(from, 48), m, s, top),
        );
      }
    } else if (load<i32>(isFlat + (j << 2)) != 0) memory.fill(out, 0, 32);
    else {
      const inverse = v128.load32_splat(bestInverse + (j << 2));
      const m = v128.load32_splat(bestMinimum + (j << 2));
      for (let half: usize = 0; half < 2; half++) {
        const from = at + (half << 6);
        packBytes(
          out + (half << 4),
          encodeAsFound(v128.load(from), inverse, m, top),
          encodeAsFound(v128.load(from, 16), inverse, m, top),
          encodeAsFound(v128.load(from, 32), inverse, m, top),
          encodeAsFound(v128.load(from, 48), inverse, m, top),
        );
      }
    }
  }
}

@inline
function searchBlock(source: usize, highest: f32, start: f32, steps: i32): void {
  for (let group: usize = 0; group < 2; group++) {
    interleave(source + (group << 9), 128, 32, values);
    weigh();
    search(group << 4, highest, start, steps);
  }
}

export function quantiseQ4K(source: usize, target: usize, count: i32): void {
  for (let end = source + (<usize>count << 2); source < end; source += 1024, target += 144) {
    searchBlock(source, 15, -1, 20);
    writeHead(target);
    finalCodes(source, target, 15);
    for (let g: usize = 0; g < 4; g++)
      for (let half: usize = 0; half < 32; half += 16) {
        const from = codes + (g << 6) + half;
        const byte = v128.or(v128.load(from), i8x16.shl(v128.load(from, 32), 4));
        v128.store(target + 16 + (g << 5) + half, byte);
      }
  }
}

export function quantiseQ5K(source: usize, target: usize, count: i32): void {
  const nibble = i8x16.splat(15);
  for (let end = source + (<usize>count << 2); source < end; source += 1024, target += 176) {
    searchBlock(source, 31, -0.5, 15);
    writeHead(target);
    finalCodes(source, target, 31);
    for (let half: usize = 0; half < 32; half += 16) {
      let fifth = i8x16.splat(0);
      for (let g: usize = 0; g < 4; g++) {
        const from = codes + (g << 6) + half;
        const first = v128.load(from);
        const second = v128.load(from, 32);
        const bits = v128.or(i8x16.shr_u(first, 4), i8x16.shl(i8x16.shr_u(second, 4), 1));
        fifth = v128.or(fifth, i8x16.shl(bits, <i32>(g << 1)));
        const byte = v128.or(v128.and(first, nibble), i8x16.shl(v128.and(second, nibble), 4));
        v128.store(target + 48 + (g << 5) + half, byte);
      }
      v128.store(target + 16 + half, fifth);
    }
  }
}
