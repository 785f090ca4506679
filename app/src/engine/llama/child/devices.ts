import type { Hello } from '../protocol-results.ts';
import type { Bindings } from './bindings.ts';

const kinds = ['cpu', 'gpu', 'integrated', 'accelerator'] as const;

/** What the libraries can compute on. */
export function listDevices(library: Bindings): Hello['devices'] {
  return Array.from({ length: library.deviceCount() }, (_, index) => {
    const device = library.deviceAt(index);
    const free = new BigUint64Array(16);
    const total = new BigUint64Array(16);
    library.deviceMemory(device, free, total);
    return {
      name: library.deviceName(device),
      description: library.deviceDescription(device),
      kind: kinds[library.deviceKind(device)] ?? 'other',
      freeBytes: Number(free[0]),
      totalBytes: Number(total[0]),
    };
  });
}
