/** Blocks of 32: one scale (and perhaps one minimum), then 4, 5 or 8 bits a weight. */
import { storeHalf } from './halves';

@inline
function largestOfFour(vector: v128): f32 {
  const low = max(f32x4.extract_lane(vector, 0), f32x4.extract_lane(vector, 1));
  const high = max(f32x4.extract_lane(vector, 2), f32x4.extract_lane(vector, 3));
  return max(low, high);
}

@inline
function smallestOfFour(vector: v128): f32 {
  const low = min(f32x4.extract_lane(vector, 0), f32x4.extract_lane(vector, 1));
  const high = min(f32x4.extract_lane(vector, 2), f32x4.extract_lane(vector, 3));
  return min(low, high);
}

function largestMagnitude(source: usize): f32 {
  let largest = f32x4.splat(0);
  for (let i: usize = 0; i < 128; i += 16)
    largest = f32x4.pmax(largest, f32x4.abs(v128.load(source + i)));
  return largestOfFour(largest);
}

/** The value of the first weight that has the largest magnitude. */
function firstLargest(source: usize): f32 {
  const magnitude = largestMagnitude(source);
  if (magnitude == 0) return 0;
  for (let i: usize = 0; i < 128; i += 4) {
    const value = load<f32>(source + i);
    if (abs(value) == magnitude) return value;
  }
  return 0;
}

/** Reciprocal of a scale; 0 where the scale is 0 or so small that the reciprocal is infinite: ggml stores 0s then. */
@inline
function inverse(scale: f32): f32 {
  const inverted: f32 = scale != 0 ? <f32>1 / scale : 0;
  return abs(inverted) == Infinity ? 0 : inverted;
}

/** Four floats to bytes: halves go away from zero, as C's roundf does. */
@inline
function roundAway(value: v128): v128 {
  const whole = f32x4.trunc(value);
  const rest = f32x4.abs(f32x4.sub(value, whole));
  const one = v128.or(f32x4.splat(1), v128.and(value, i32x4.splat(0x80000000)));
  const step = v128.and(one, f32x4.ge(rest, f32x4.splat(0.5)));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(whole, step));
}

export function quantiseQ80(source: usize, target: usize, count: i32): void {
  for (let end = source + (<usize>count << 2); source < end; source += 128, target += 34) {
    const scale: f32 = largestMagnitude(source) / 127;
    const factor = f32x4.splat(inverse(scale));
    storeHalf(target, scale);
    for (let half: usize = 0; half < 2; half++) {
      const at = source + (half << 6);
      const a = roundAway(f32x4.mul(v128.load(at), factor));
      const b = roundAway(f32x4.mul(v128.load(at, 16), factor));
      const c = roundAway(f32x4.mul(v128.load(at, 32), factor));
      const d = roundAway(f32x4.mul(v128.load(at, 48), factor));
      const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
      v128.store(target + 2 + (half << 4), bytes);
    }
  }
}

/** trunc((value - low) * factor + offset), at most `highest`, for the 16 weights from `source`. */
@inline
function codes(source: usize, low: v128, factor: v128, offset: v128, highest: v128): v128 {
  const a = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(f32x4.sub(v128.load(source), low), factor), offset));
  const b = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(f32x4.sub(v128.load(source, 16), low), factor), offset));
  const c = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(f32x4.sub(v128.load(source, 32), low), factor), offset));
  const d = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(f32x4.sub(v128.load(source, 48), low), factor), offset));
  const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
  return i8x16.min_s(bytes, highest);
}

/** Writes 16 bytes of nibbles to `target`, and before them the fifth bits where `fifth` is set. */
@inline
function writeCodes(target: usize, first: v128, second: v128, fifth: bool): void {
  if (fifth) {
    const bit = i8x16.splat(0x10);
    const low = i8x16.bitmask(i8x16.eq(v128.and(first, bit), bit));
    const high = i8x16.bitmask(i8x16.eq(v128.and(second, bit), bit));
    store<u32>(target, low | (high << 16));
    target += 4;
  }
  const nibble = i8x16.splat(15);
  v128.store(target, v128.or(v128.and(first, nibble), i8x16.shl(v128.and(second, nibble), 4)));
}

/** Codes of a block whose scale has no usable reciprocal are all zero. */
@inline
function quantiseBlock(source: usize, target: usize, low: f32, factor: f32, offset: f32, highest: i8, fifth: bool): void {
  const lows = f32x4.splat(low);
  const factors = f32x4.splat(factor);
  const offsets = f32x4.splat(offset);
  const top = i8x16.splat(highest);
  writeCodes(
    target,
    codes(source, lows, factors, offsets, top),
    codes(source + 64, lows, factors, offsets, top),
    fifth,
  );
}

/** A block without an offset: the largest weight gets the lowest code. */
@inline
function symmetric(source: usize, target: usize, count: i32, levels: f32, fifth: bool): void {
  const size: usize = fifth ? 22 : 18;
  for (let end = source + (<usize>count << 2); source < end; source += 128, target += size) {
    const scale: f32 = firstLargest(source) / -levels;
    const factor = inverse(scale);
    storeHalf(target, scale);
    // A scale whose reciprocal overflows gives code 0 in ggml; a scale of 0 gives the middle code.
    const offset: f32 = scale != 0 && factor == 0 ? 0 : levels + <f32>0.5;
    quantiseBlock(source, target + 2, 0, factor, offset, <i8>(levels * 2 - 1), fifth);
  }
}

@inline
function withMinimum(source: usize, target: usize, count: i32, highest: f32, fifth: bool): void {
  const size: usize = fifth ? 24 : 20;
  for (let end = source + (<usize>count << 2); source < end; source += 128, target += size) {
    let smallest = v128.load(source);
    let largest = smallest;
    for (let i: usize = 16; i < 128; i += 16) {
      const values = v128.load(source + i);
      smallest = f32x4.pmin(smallest, values);
      largest = f32x4.pmax(largest, values);
    }
    const low = smallestOfFour(smallest);
    const scale: f32 = (largestOfFour(largest) - low) / highest;
    const factor = inverse(scale);
    storeHalf(target, scale);
    storeHalf(target + 2, firstEqual(source, low));
    quantiseBlock(source, target + 4, low, factor, 0.5, <i8>highest, fifth);
  }
}

/** Of +0 and -0 ggml keeps the one that comes first. */
@inline
function firstEqual(source: usize, value: f32): f32 {
  if (value != 0) return value;
  for (let i: usize = 0; i < 128; i += 4) if (load<f32>(source + i) == value) return load<f32>(source + i);
  return value;
}

export function quantiseQ40(source: usize, target: usize, count: i32): void {
  symmetric(source, target, count, 8, false);
}

export function quantiseQ50(source: usize, target: usize, count: i32): void {
  symmetric(source, target, count, 16, true);
}

export function quantiseQ41(source: usize, target: usize, count: i32): void {
  withMinimum(source, target, count, 15, false);
}

export function quantiseQ51(source: usize, target: usize, count: i32): void {
  withMinimum(source, target, count, 31, true);
}
