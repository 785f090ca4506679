/** Sixteen-bit floats. Counts may be any number: what is left over after whole vectors goes one by one. */

@inline
function halvesToFloats(half: v128): v128 {
  const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16);
  const magnitude = v128.and(half, i32x4.splat(0x7fff));
  const shifted = i32x4.shl(magnitude, 13);
  const normal = i32x4.add(shifted, i32x4.splat(112 << 23));
  const infinite = i32x4.add(normal, i32x4.splat(112 << 23));
  const subnormal = f32x4.sub(v128.or(magnitude, i32x4.splat(0x3f000000)), f32x4.splat(0.5));
  const isSubnormal = i32x4.lt_s(magnitude, i32x4.splat(0x0400));
  const isInfinite = i32x4.ge_s(magnitude, i32x4.splat(0x7c00));
  const finite = v128.bitselect(subnormal, normal, isSubnormal);
  return v128.or(v128.bitselect(infinite, finite, isInfinite), sign);
}

export function halfToFloat(source: usize, target: usize, count: i32): void {
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const halves = v128.load(source + (<usize>i << 1));
    const at = target + (<usize>i << 2);
    v128.store(at, halvesToFloats(i32x4.extend_low_i16x8_u(halves)));
    v128.store(at, halvesToFloats(i32x4.extend_high_i16x8_u(halves)), 16);
  }
  for (; i < count; i++) {
    const half = i32x4.splat(<i32>load<u16>(source + (<usize>i << 1)));
    store<f32>(target + (<usize>i << 2), f32x4.extract_lane(halvesToFloats(half), 0));
  }
}

export function bfloatToFloat(source: usize, target: usize, count: i32): void {
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const bfloats = v128.load(source + (<usize>i << 1));
    const at = target + (<usize>i << 2);
    v128.store(at, i32x4.shl(i32x4.extend_low_i16x8_u(bfloats), 16));
    v128.store(at, i32x4.shl(i32x4.extend_high_i16x8_u(bfloats), 16), 16);
  }
  for (; i < count; i++) store<u32>(target + (<usize>i << 2), <u32>load<u16>(source + (<usize>i << 1)) << 16);
}

@inline
function floatsToHalves(bits: v128): v128 {
  const sign = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(0x8000));
  const magnitude = v128.and(bits, i32x4.splat(0x7fffffff));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const rounding = i32x4.add(i32x4.sub(magnitude, i32x4.splat(0x38000000)), i32x4.add(i32x4.splat(0xfff), odd));
  const normal = i32x4.shr_u(rounding, 13);
  const subnormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const isSubnormal = i32x4.lt_s(magnitude, i32x4.splat(0x38800000));
  const isInfinite = i32x4.ge_s(magnitude, i32x4.splat(0x47800000));
  const isNan = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000));
  const finite = v128.bitselect(subnormal, normal, isSubnormal);
  const large = v128.bitselect(i32x4.splat(0x7e00), i32x4.splat(0x7c00), isNan);
  return v128.or(v128.bitselect(large, finite, isInfinite), sign);
}

export function floatToHalf(source: usize, target: usize, count: i32): void {
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const at = source + (<usize>i << 2);
    const low = floatsToHalves(v128.load(at));
    const high = floatsToHalves(v128.load(at, 16));
    v128.store(target + (<usize>i << 1), i16x8.narrow_i32x4_u(low, high));
  }
  for (; i < count; i++) {
    const half = floatsToHalves(v128.load32_splat(source + (<usize>i << 2)));
    store<u16>(target + (<usize>i << 1), <u16>i32x4.extract_lane(half, 0));
  }
}

@inline
function floatsToBfloats(bits: v128): v128 {
  const odd = v128.and(i32x4.shr_u(bits, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(bits, i32x4.add(i32x4.splat(0x7fff), odd)), 16);
  const quiet = v128.or(i32x4.shr_u(bits, 16), i32x4.splat(64));
  const isNan = i32x4.gt_s(v128.and(bits, i32x4.splat(0x7fffffff)), i32x4.splat(0x7f800000));
  return v128.bitselect(quiet, rounded, isNan);
}

export function floatToBfloat(source: usize, target: usize, count: i32): void {
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const at = source + (<usize>i << 2);
    const low = floatsToBfloats(v128.load(at));
    const high = floatsToBfloats(v128.load(at, 16));
    v128.store(target + (<usize>i << 1), i16x8.narrow_i32x4_u(low, high));
  }
  for (; i < count; i++) {
    const bfloat = floatsToBfloats(v128.load32_splat(source + (<usize>i << 2)));
    store<u16>(target + (<usize>i << 1), <u16>i32x4.extract_lane(bfloat, 0));
  }
}

/** The bits of the largest magnitude: 0x7f800000 and more where a value is infinite or not a number. */
export function largestBits(source: usize, count: i32): u32 {
  let largest = i32x4.splat(0);
  const mask = i32x4.splat(0x7fffffff);
  let i = 0;
  for (; i + 4 <= count; i += 4)
    largest = i32x4.max_s(largest, v128.and(v128.load(source + (<usize>i << 2)), mask));
  for (; i < count; i++) largest = i32x4.max_s(largest, v128.and(v128.load32_splat(source + (<usize>i << 2)), mask));
  const low = max(i32x4.extract_lane(largest, 0), i32x4.extract_lane(largest, 1));
  const high = max(i32x4.extract_lane(largest, 2), i32x4.extract_lane(largest, 3));
  return <u32>max(low, high);
}

/** One float as half, for the scales of blocks. */
// @ts-ignore: decorator
@inline
export function storeHalf(target: usize, value: f32): void {
  store<u16>(target, <u16>i32x4.extract_lane(floatsToHalves(f32x4.splat(value)), 0));
}

// @ts-ignore: decorator
@inline
export function loadHalf(source: usize): f32 {
  return f32x4.extract_lane(halvesToFloats(i32x4.splat(<i32>load<u16>(source))), 0);
}
