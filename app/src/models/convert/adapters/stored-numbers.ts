import { closeSync, openSync } from 'node:fs';
import { tensorDtypes, valueCount } from '../../../formats/tensor-file.ts';
import type { KernelMemory } from '../kernel-memory.ts';
import { gatherMatrix, readFully } from '../strided-values.ts';
import type { StoredNumbers } from './open-adapter.ts';

function readWhole(target: Uint8Array, { path, offset, shape, strides, dtype }: StoredNumbers): void {
  const descriptor = openSync(path, 'r');
  try {
    const [rows = 1, columns = 1] = shape;
    const valueBytes = tensorDtypes[dtype];
    if (strides) gatherMatrix(target, { descriptor, offset, rows, columns, strides, valueBytes });
    else readFully(descriptor, target, offset);
  } finally {
    closeSync(descriptor);
  }
}

/** Numbers of an adapter as floats of their own; the memory's regions are free again afterwards. */
export function readNumbers(memory: KernelMemory, stored: StoredNumbers): Float32Array {
  const count = valueCount(stored.shape);
  const sizeBytes = count * tensorDtypes[stored.dtype];
  memory.reset();
  const source = memory.region(sizeBytes);
  const target = stored.dtype === 'f32' ? source : memory.region(count * 4);
  readWhole(memory.bytes(source, sizeBytes), stored);
  if (stored.dtype !== 'f32') memory.kernels.toFloat(stored.dtype, source, target, count);
  return memory.floats(target, count).slice();
}
