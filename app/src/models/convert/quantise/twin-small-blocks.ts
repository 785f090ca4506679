import { halfFromFloat } from './half.ts';

/**
 * Blocks of 32 in plain TypeScript: the readable twin of app/kernels/small-blocks.ts, byte for byte.
 * `Math.fround` after every step is ggml's float32; a reciprocal that overflows gives codes of 0, as in ggml on x86-64.
 */

const blockValues = 32;

interface Block {
  values: Float32Array;
  view: DataView;
  at: number;
}

function perBlock(values: Float32Array, blockBytes: number, write: (block: Block) => void): Uint8Array {
  const blocks = values.length / blockValues;
  const out = new Uint8Array(blocks * blockBytes);
  const view = new DataView(out.buffer);
  for (let index = 0; index < blocks; index++)
    write({
      values: values.subarray(index * blockValues, (index + 1) * blockValues),
      view,
      at: index * blockBytes,
    });
  return out;
}

function inverseOf(scale: number): number {
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  return Number.isFinite(inverse) ? inverse : 0;
}

/** C's roundf: halves go away from zero. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(-value + 0.5) : Math.floor(value + 0.5);
}

/** One scale, then 32 signed bytes. */
export function quantiseQ80(values: Float32Array): Uint8Array {
  return perBlock(values, 34, ({ values: run, view, at }) => {
    const largest = run.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const scale = Math.fround(largest / 127);
    const inverse = inverseOf(scale);
    view.setUint16(at, halfFromFloat(scale), true);
    run.forEach((value, index) => view.setInt8(at + 2 + index, roundAway(Math.fround(value * inverse))));
  });
}

/** Writes the codes, fifth bits first where there are any: code i and code i + 16 share a byte. */
function writeCodes(view: DataView, at: number, codes: Uint8Array, withFifthBits: boolean): void {
  let fifth = 0;
  codes.forEach((code, index) => (fifth |= (code >> 4) << index));
  if (withFifthBits) view.setUint32(at, fifth >>> 0, true);
  const from = withFifthBits ? at + 4 : at;
  for (let index = 0; index < 16; index++)
    view.setUint8(from + index, ((codes[index] ?? 0) & 15) | (((codes[index + 16] ?? 0) & 15) << 4));
}

function symmetric(values: Float32Array, levels: number, withFifthBits: boolean): Uint8Array {
  return perBlock(values, withFifthBits ? 22 : 18, ({ values: run, view, at }) => {
    let extreme = 0;
    for (const value of run) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
    const scale = Math.fround(extreme / -levels);
    const inverse = inverseOf(scale);
    const offset = scale !== 0 && inverse === 0 ? 0 : levels + 0.5;
    view.setUint16(at, halfFromFloat(scale), true);
    const codes = Uint8Array.from(run, (value) =>
      Math.min(levels * 2 - 1, Math.trunc(Math.fround(Math.fround(value * inverse) + offset))),
    );
    writeCodes(view, at + 2, codes, withFifthBits);
  });
}

function withMinimum(values: Float32Array, highest: number, withFifthBits: boolean): Uint8Array {
  return perBlock(values, withFifthBits ? 24 : 20, ({ values: run, view, at }) => {
    let low = run[0] ?? 0;
    let high = low;
    for (const value of run) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const scale = Math.fround(Math.fround(high - low) / highest);
    const inverse = inverseOf(scale);
    view.setUint16(at, halfFromFloat(scale), true);
    view.setUint16(at + 2, halfFromFloat(low), true);
    const codes = Uint8Array.from(run, (value) => {
      const code = Math.fround(Math.fround(Math.fround(value - low) * inverse) + 0.5);
      return Math.min(highest, Math.trunc(code));
    });
    writeCodes(view, at + 4, codes, withFifthBits);
  });
}

export const quantiseQ40 = (values: Float32Array): Uint8Array => symmetric(values, 8, false);
export const quantiseQ50 = (values: Float32Array): Uint8Array => symmetric(values, 16, true);
export const quantiseQ41 = (values: Float32Array): Uint8Array => withMinimum(values, 15, false);
export const quantiseQ51 = (values: Float32Array): Uint8Array => withMinimum(values, 31, true);
