/** Four runs of weights side by side in the lanes: each lane does its sums in ggml's order, so the bytes are ggml's. */

/** Weight i of the runs at source, source + stride, … goes to vector i at target. `length` is a multiple of 4. */
// @ts-ignore: decorator
@inline
export function interleave(source: usize, stride: usize, length: usize, target: usize): void {
  for (let i: usize = 0; i < length; i += 4) {
    const at = source + (i << 2);
    const a = v128.load(at);
    const b = v128.load(at + stride);
    const c = v128.load(at + stride * 2);
    const d = v128.load(at + stride * 3);
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    const out = target + (i << 4);
    v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(out, v128.shuffle<i64>(ab, cd, 1, 3), 16);
    v128.store(out, v128.shuffle<i64>(abHigh, cdHigh, 0, 2), 32);
    v128.store(out, v128.shuffle<i64>(abHigh, cdHigh, 1, 3), 48);
  }
}

/** ggml's nearest_int, bit by bit, also where its argument is far out of range. */
// @ts-ignore: decorator
@inline
export function nearest(value: v128): v128 {
  const sum = f32x4.add(value, f32x4.splat(12582912));
  return i32x4.sub(v128.and(sum, i32x4.splat(0x007fffff)), i32x4.splat(0x00400000));
}

// @ts-ignore: decorator
@inline
export function nearestScalar(value: f32): i32 {
  return <i32>(reinterpret<u32>(value + <f32>12582912) & 0x007fffff) - 0x00400000;
}

// @ts-ignore: decorator
@inline
export function clamp(value: v128, low: v128, high: v128): v128 {
  return i32x4.max_s(low, i32x4.min_s(high, value));
}

/** Sixteen small integers as bytes. */
// @ts-ignore: decorator
@inline
export function packBytes(target: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(target, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}
