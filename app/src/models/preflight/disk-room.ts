import { AppError } from '../../contracts/app-error.ts';
import type { Preflight } from '../../contracts/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';

/** Before anything is written: what does not fit would take the last byte, and no chat could be written meanwhile. */
export function refuseWithoutRoom(
  id: string,
  disk: Pick<Preflight['disk'], 'needBytes' | 'freeBytes'>,
): void {
  const { needBytes, freeBytes } = disk;
  if (needBytes <= freeBytes) return;
  throw new AppError(
    'disk-full',
    `${id} needs ${formatBytes(needBytes)} of disk, and ${formatBytes(freeBytes)} are free.`,
    {
      hint: 'Make room (`corral list` shows sizes, `corral rm` frees them), or choose a smaller quantisation.',
      // Nothing is under way that could be gone on with: trying again by itself would only look like work.
      details: { ...disk, final: true },
    },
  );
}
