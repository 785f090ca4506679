import { halfFromFloat } from './half.ts';

const blockValues = 32;
const blockBytes = 34;

/** C's roundf: halves go away from zero. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(-value + 0.5) : Math.floor(value + 0.5);
}

/** One scale, then 32 signed bytes. Every step is one float32 rounding, in ggml's order. */
export function quantiseQ80(values: Float32Array): Uint8Array {
  const blocks = values.length / blockValues;
  const out = new Uint8Array(blocks * blockBytes);
  const view = new DataView(out.buffer);
  for (let block = 0; block < blocks; block++) {
    const run = values.subarray(block * blockValues, (block + 1) * blockValues);
    let largest = 0;
    for (const value of run) largest = Math.max(largest, Math.abs(value));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const at = block * blockBytes;
    view.setUint16(at, halfFromFloat(scale), true);
    run.forEach((value, index) => view.setInt8(at + 2 + index, roundAway(Math.fround(value * inverse))));
  }
  return out;
}
