/**
 * Everything that touches every weight, as one WASM SIMD module over imported memory.
 * The plain-TypeScript twins in app/src/models/convert/quantise say the same readably; tests hold both, and ggml, to the
 * same bytes. No fused multiply-add anywhere: it would round once where ggml on x86-64 rounds twice.
 */
export { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat, largestBits } from './halves';
export { quantiseQ40, quantiseQ41, quantiseQ50, quantiseQ51, quantiseQ80 } from './small-blocks';
export { quantiseQ4K, quantiseQ5K } from './k-search';
export { quantiseQ6K } from './k-six';
export { mergeLora } from './merge';

/** The first byte that callers may use. */
export function heapBase(): usize {
  return __heap_base;
}
