import { closeSync, openSync, readSync } from 'node:fs';
import { AppError } from '../../../contracts/app-error.ts';
import { tensorDtypes, valueCount } from '../../../formats/tensor-file.ts';
import type { KernelMemory } from '../kernel-memory.ts';
import type { StoredNumbers } from './open-adapter.ts';

function readWhole(target: Uint8Array, { path, offset }: StoredNumbers): void {
  const descriptor = openSync(path, 'r');
  try {
    for (let done = 0; done < target.length;) {
      const read = readSync(descriptor, target, done, target.length - done, offset + done);
      if (read === 0)
        throw new AppError('file-invalid', 'A file of weights became shorter while it was read.');
      done += read;
    }
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
