import { floatFromHalf, halfFromFloat } from './half.ts';

/**
 * Blocks of 256 in plain TypeScript: the readable twin of app/kernels/k-search.ts and k-six.ts, byte for byte.
 * Every step is one float32 rounding, in ggml's order; `f` says where.
 */

const f = Math.fround;
const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

/** Rounds to nearest by adding a large number, as ggml does; far out of range it gives what ggml gives. */
function nearest(value: number): number {
  float[0] = f(value + 12_582_912);
  return ((bits[0] ?? 0) & 0x007fffff) - 0x00400000;
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

interface Found {
  scale: number;
  minimum: number;
  codes: Uint8Array;
}

interface SearchOptions {
  highest: number;
  start: number;
  steps: number;
}

function weightsOf(run: Float32Array): Float32Array {
  let squares = 0;
  for (const value of run) squares = f(squares + f(value * value));
  const mean = f(Math.sqrt(f(squares / 32)));
  return run.map((value) => mean + Math.abs(value));
}

class RunSearch {
  readonly #run: Float32Array;
  readonly #weights: Float32Array;
  readonly #options: SearchOptions;

  constructor(run: Float32Array, options: SearchOptions) {
    this.#run = run;
    this.#weights = weightsOf(run);
    this.#options = options;
  }

  #encode(inverse: number, minimum: number): Uint8Array {
    const { highest } = this.#options;
    return Uint8Array.from(this.#run, (value) => clamp(nearest(f(inverse * f(value - minimum))), 0, highest));
  }

  #error(codes: Uint8Array, scale: number, minimum: number): number {
    let sum = 0;
    this.#run.forEach((value, index) => {
      const difference = f(f(f(scale * (codes[index] ?? 0)) + minimum) - value);
      sum = f(sum + f((this.#weights[index] ?? 0) * f(difference * difference)));
    });
    return sum;
  }

  /** The least-squares line through codes and values, or undefined where the codes are all the same. */
  #fit(codes: Uint8Array, sumW: number, sumX: number): { scale: number; minimum: number } | undefined {
    let sumL = 0;
    let sumLL = 0;
    let sumXL = 0;
    this.#run.forEach((value, index) => {
      const code = codes[index] ?? 0;
      const weighted = f((this.#weights[index] ?? 0) * code);
      sumL = f(sumL + weighted);
      sumLL = f(sumLL + f(weighted * code));
      sumXL = f(sumXL + f(weighted * value));
    });
    const determinant = f(f(sumW * sumLL) - f(sumL * sumL));
    if (!(determinant > 0)) return undefined;
    const minimum = f(f(f(sumLL * sumX) - f(sumL * sumXL)) / determinant);
    if (minimum > 0) return { scale: f(sumXL / sumLL), minimum: 0 };
    return { scale: f(f(f(sumW * sumXL) - f(sumX * sumL)) / determinant), minimum };
  }

  find(): Found {
    const { highest, start, steps } = this.#options;
    let sumW = 0;
    let sumX = 0;
    this.#run.forEach((value, index) => {
      const weight = this.#weights[index] ?? 0;
      sumW = f(sumW + weight);
      sumX = f(sumX + f(weight * value));
    });
    const high = Math.max(...this.#run);
    let minimum = Math.min(0, ...this.#run);
    if (high === minimum) return { scale: 0, minimum: -minimum, codes: new Uint8Array(32) };
    const first = f(highest / f(high - minimum));
    let scale = f(1 / first);
    let codes = this.#encode(first, minimum);
    let best = this.#error(codes, scale, minimum);
    for (let step = 0; step <= steps; step++) {
      const spread = f(f(start + f(f(0.1) * step)) + highest);
      const tried = this.#encode(f(spread / f(high - minimum)), minimum);
      const fit = this.#fit(tried, sumW, sumX);
      const error = fit ? this.#error(tried, fit.scale, fit.minimum) : Infinity;
      if (!fit || !(error < best)) continue;
      ({ scale, minimum } = fit);
      best = error;
      codes = tried;
    }
    return { scale, minimum: -minimum, codes };
  }
}

/** Eight pairs of 6-bit numbers in twelve bytes. */
function packPairs(out: Uint8Array, at: number, scales: number[], minima: number[]): void {
  for (let j = 0; j < 4; j++) {
    const [scale, minimum, lateScale, lateMinimum] = [scales[j], minima[j], scales[j + 4], minima[j + 4]].map(
      (value) => value ?? 0,
    ) as [number, number, number, number];
    out[at + j] = scale | ((lateScale >> 4) << 6);
    out[at + j + 4] = minimum | ((lateMinimum >> 4) << 6);
    out[at + j + 8] = (lateScale & 15) | ((lateMinimum & 15) << 4);
  }
}

function positiveMaximum(values: readonly number[]): number {
  return values.reduce((most, value) => (value > most ? value : most), 0);
}

/** Writes the head of a block and gives the final codes of its 256 weights. */
function blockCodes(block: Float32Array, out: Uint8Array, at: number, options: SearchOptions): Uint8Array {
  const runs = Array.from({ length: 8 }, (_, j) => block.subarray(j * 32, j * 32 + 32));
  const found = runs.map((run) => new RunSearch(run, options).find());
  const largestScale = positiveMaximum(found.map(({ scale }) => scale));
  const largestMinimum = positiveMaximum(found.map(({ minimum }) => minimum));
  const sixBits = (value: number, largest: number): number =>
    Math.min(63, nearest(f((largest > 0 ? f(63 / largest) : 0) * value)) & 255);
  const scales = found.map(({ scale }) => sixBits(scale, largestScale));
  const minima = found.map(({ minimum }) => sixBits(minimum, largestMinimum));
  const view = new DataView(out.buffer);
  view.setUint16(at, halfFromFloat(f(largestScale / 63)), true);
  view.setUint16(at + 2, halfFromFloat(f(largestMinimum / 63)), true);
  packPairs(out, at + 4, scales, minima);
  const scale = floatFromHalf(view.getUint16(at, true));
  const minimum = floatFromHalf(view.getUint16(at + 2, true));
  const codes = new Uint8Array(256);
  found.forEach(({ codes: searched }, j) => {
    const runScale = f(scale * (scales[j] ?? 0));
    const runMinimum = f(minimum * (minima[j] ?? 0));
    const final = (value: number): number =>
      clamp(nearest(f(f(value + runMinimum) / runScale)), 0, options.highest);
    codes.set(runScale === 0 ? searched : Uint8Array.from(runs[j] ?? [], final), j * 32);
  });
  return codes;
}

function writeNibbles(out: Uint8Array, at: number, codes: Uint8Array): void {
  for (let g = 0; g < 4; g++)
    for (let l = 0; l < 32; l++)
      out[at + g * 32 + l] = ((codes[g * 64 + l] ?? 0) & 15) | (((codes[g * 64 + 32 + l] ?? 0) & 15) << 4);
}

export function quantiseQ4K(values: Float32Array): Uint8Array {
  const out = new Uint8Array((values.length / 256) * 144);
  for (let block = 0; block * 256 < values.length; block++) {
    const run = values.subarray(block * 256, block * 256 + 256);
    const codes = blockCodes(run, out, block * 144, { highest: 15, start: -1, steps: 20 });
    writeNibbles(out, block * 144 + 16, codes);
  }
  return out;
}

export function quantiseQ5K(values: Float32Array): Uint8Array {
  const out = new Uint8Array((values.length / 256) * 176);
  for (let block = 0; block * 256 < values.length; block++) {
    const run = values.subarray(block * 256, block * 256 + 256);
    const codes = blockCodes(run, out, block * 176, { highest: 31, start: -0.5, steps: 15 });
    codes.forEach((code, index) => {
      const at = block * 176 + 16 + (index % 32);
      out[at] = (out[at] ?? 0) | ((code >> 4) << Math.floor(index / 32));
    });
    writeNibbles(out, block * 176 + 48, codes);
  }
  return out;
}

const tiny = f(1e-15);

/** Scale and codes of 16 weights; codes are 32 too high, as they are stored, and 0 for a run of nothing. */
function findSix(run: Float32Array): { scale: number; codes: Uint8Array } {
  let extreme = 0;
  for (const value of run) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  if (Math.abs(extreme) < tiny) return { scale: 0, codes: new Uint8Array(16) };
  const encode = (inverse: number): number[] =>
    Array.from(run, (value) => clamp(nearest(f(inverse * value)), -32, 31));
  const sums = (codes: number[]): [number, number] => {
    let sumXL = 0;
    let sumLL = 0;
    run.forEach((value, index) => {
      const square = f(value * value);
      const code = codes[index] ?? 0;
      sumXL = f(sumXL + f(f(square * value) * code));
      sumLL = f(sumLL + f(f(square * code) * code));
    });
    return [sumXL, sumLL];
  };
  let codes = encode(f(-32 / extreme));
  const [firstXL, firstLL] = sums(codes);
  let scale = firstLL === 0 ? 0 : f(firstXL / firstLL);
  let best = f(scale * firstXL);
  for (let step = -9; step <= 9; step++) {
    if (step === 0) continue;
    const tried = encode(f(-f(32 + f(f(0.1) * step)) / extreme));
    const [sumXL, sumLL] = sums(tried);
    if (!(sumLL > 0 && f(sumXL * sumXL) > f(best * sumLL))) continue;
    codes = tried;
    scale = f(sumXL / sumLL);
    best = f(scale * sumXL);
  }
  return { scale, codes: Uint8Array.from(codes, (code) => code + 32) };
}

function writeSix(out: Uint8Array, at: number, codes: Uint8Array): void {
  for (let part = 0; part < 2; part++)
    for (let l = 0; l < 32; l++) {
      const [a, b, c, d] = [0, 32, 64, 96].map((run) => codes[part * 128 + run + l] ?? 0) as [
        number,
        number,
        number,
        number,
      ];
      out[at + part * 64 + l] = (a & 15) | ((c & 15) << 4);
      out[at + part * 64 + 32 + l] = (b & 15) | ((d & 15) << 4);
      out[at + 128 + part * 32 + l] = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6);
    }
}

export function quantiseQ6K(values: Float32Array): Uint8Array {
  const out = new Uint8Array((values.length / 256) * 210);
  const view = new DataView(out.buffer);
  for (let block = 0; block * 256 < values.length; block++) {
    const at = block * 210;
    const runs = Array.from({ length: 16 }, (_, j) =>
      values.subarray(block * 256 + j * 16, block * 256 + j * 16 + 16),
    );
    const found = runs.map(findSix);
    let extreme = 0;
    for (const { scale } of found) if (Math.abs(scale) > Math.abs(extreme)) extreme = scale;
    if (Math.abs(extreme) < tiny) continue;
    const inverse = f(-128 / extreme);
    view.setUint16(at + 208, halfFromFloat(f(1 / inverse)), true);
    const shared = floatFromHalf(view.getUint16(at + 208, true));
    const codes = new Uint8Array(256);
    found.forEach(({ scale, codes: searched }, j) => {
      view.setInt8(at + 192 + j, Math.min(127, nearest(f(inverse * scale))));
      const runScale = f(shared * view.getInt8(at + 192 + j));
      const final = (value: number): number => clamp(nearest(f(value / runScale)), -32, 31) + 32;
      codes.set(runScale === 0 ? searched : Uint8Array.from(runs[j] ?? [], final), j * 16);
    });
    writeSix(out, at, codes);
  }
  return out;
}
