/**
 * What looks at every logit of a token, as WASM SIMD over imported memory. The plain-TypeScript twin of `selectTop` is
 * the sorting in app/src/engine/llama/child/top-candidates.ts; a test holds both to the same choice.
 */

/** The first byte that callers may use. */
export function heapBase(): usize {
  return __heap_base;
}

/** Puts a value where it belongs among the best so far, of which there are `length`; how many there are then. */
@inline
function keep(ids: usize, values: usize, length: i32, wanted: i32, value: f32, id: i32): i32 {
  let place = length < wanted ? length++ : length - 1;
  while (place > 0) {
    const before = load<f32>(values + (<usize>(place - 1) << 2));
    if (!(before < value)) break;
    store<f32>(values + (<usize>place << 2), before);
    store<i32>(ids + (<usize>place << 2), load<i32>(ids + (<usize>(place - 1) << 2)));
    place--;
  }
  store<f32>(values + (<usize>place << 2), value);
  store<i32>(ids + (<usize>place << 2), id);
  return length;
}

/** The largest float below this one; of 0 a very small one. */
@inline
function justBelow(value: f32): f32 {
  const bits = reinterpret<i32>(value);
  if (value == 0) return -f32.MIN_NORMAL_VALUE;
  return reinterpret<f32>(value > 0 ? bits - 1 : bits + 1);
}

/**
 * A value that at least `wanted` of the row reach: the row is cut into more parts than are wanted, and so many of the
 * parts have a largest value that does. Few of the row are above it that are not wanted.
 */
function floorOf(row: usize, count: i32, ids: usize, values: usize, wanted: i32, above: f32): f32 {
  // Each stretch is four parts, one for each lane.
  const stretch = max(16, (count / wanted) & ~15);
  let length = 0;
  let floor = above;
  for (let from = 0; from + stretch <= count; from += stretch) {
    const at = row + (<usize>from << 2);
    const end = at + (<usize>stretch << 2);
    let first = f32x4.splat(-Infinity);
    let second = first;
    for (let next = at; next < end; next += 64) {
      first = f32x4.pmax(first, f32x4.pmax(v128.load(next), v128.load(next, 16)));
      second = f32x4.pmax(second, f32x4.pmax(v128.load(next, 32), v128.load(next, 48)));
    }
    const largest = f32x4.pmax(first, second);
    for (let lane = 0; lane < 4; lane++) {
      const value = lane == 0 ? f32x4.extract_lane(largest, 0)
        : lane == 1 ? f32x4.extract_lane(largest, 1)
        : lane == 2 ? f32x4.extract_lane(largest, 2)
        : f32x4.extract_lane(largest, 3);
      if (!(value > floor)) continue;
      length = keep(ids, values, length, wanted, value, 0);
      if (length == wanted) floor = load<f32>(values + (<usize>(wanted - 1) << 2));
    }
  }
  return length == wanted ? max(above, justBelow(floor)) : above;
}

/**
 * Finds the `wanted` largest of those above a floor, largest first, of equals the lower index, and returns how many
 * there are; less 1 and negated where one of them is no number. `ids` and `values` have room for `wanted`.
 */
export function selectTop(
  row: usize,
  count: i32,
  ids: usize,
  values: usize,
  wanted: i32,
  above: f32,
): i32 {
  let length = 0;
  // The first few are found as fast without.
  let floor = wanted >= 8 ? floorOf(row, count, ids, values, wanted, above) : above;
  let floors = f32x4.splat(floor);
  let isBroken = false;
  for (let from = 0; from < count; from += 16) {
    const at = row + (<usize>from << 2);
    const to = min(from + 16, count);
    // Most values are below the floor: sixteen are looked at before any is taken up. NaN is not below anything.
    if (to - from == 16) {
      const first = v128.and(f32x4.le(v128.load(at), floors), f32x4.le(v128.load(at, 16), floors));
      const second = v128.and(f32x4.le(v128.load(at, 32), floors), f32x4.le(v128.load(at, 48), floors));
      if (i32x4.all_true(v128.and(first, second))) continue;
    }
    for (let id = from; id < to; id++) {
      const value = load<f32>(row + (<usize>id << 2));
      if (value <= floor) continue;
      if (value != value) isBroken = true;
      length = keep(ids, values, length, wanted, value, id);
      if (length == wanted) floor = load<f32>(values + (<usize>(wanted - 1) << 2));
    }
    floors = f32x4.splat(floor);
  }
  return isBroken ? -1 - length : length;
}

/** e^x of four floats of at most 0, to about a unit in the last place; 0 from -87 down. */
@inline
function exponentials(x: v128): v128 {
  const isFar = f32x4.lt(x, f32x4.splat(-87));
  const whole = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  const rest = f32x4.sub(f32x4.sub(x, f32x4.mul(whole, f32x4.splat(0.693359375))), f32x4.mul(whole, f32x4.splat(-2.12194440e-4)));
  let power = f32x4.add(f32x4.mul(f32x4.splat(1.9875691e-4), rest), f32x4.splat(1.3981999e-3));
  power = f32x4.add(f32x4.mul(power, rest), f32x4.splat(8.3334519e-3));
  power = f32x4.add(f32x4.mul(power, rest), f32x4.splat(4.1665796e-2));
  power = f32x4.add(f32x4.mul(power, rest), f32x4.splat(1.6666665e-1));
  power = f32x4.add(f32x4.mul(power, rest), f32x4.splat(0.5));
  power = f32x4.add(f32x4.mul(power, f32x4.mul(rest, rest)), f32x4.add(rest, f32x4.splat(1)));
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(whole), i32x4.splat(127)), 23);
  return v128.andnot(f32x4.mul(power, scale), isFar);
}

/** Sum of e^(value - best) over a row of which `best` is the largest. */
export function sumOfExponentials(row: usize, count: i32, best: f32): f64 {
  const bests = f32x4.splat(best);
  let sums = f64x2.splat(0);
  let index = 0;
  for (; index + 4 <= count; index += 4) {
    const powers = exponentials(f32x4.sub(v128.load(row + (<usize>index << 2)), bests));
    const high = i8x16.shuffle(powers, powers, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    sums = f64x2.add(sums, f64x2.add(f64x2.promote_low_f32x4(powers), f64x2.promote_low_f32x4(high)));
  }
  let sum = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  for (; index < count; index++) {
    const value = f32x4.splat(load<f32>(row + (<usize>index << 2)) - best);
    sum += <f64>f32x4.extract_lane(exponentials(value), 0);
  }
  return sum;
}
