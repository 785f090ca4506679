import { closeSync, fsyncSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { diskAvailableBytes } from '../../lib/machine.ts';

/**
 * A file of ballast. On a full disk SQLite cannot even delete (a delete is written to its log first), so the ballast
 * is given up for calls that make room or tell how something ended, and comes back when there is space again.
 */
export interface Reserve {
  /** Gives a part of what is held back to the disk, but none of the last `left` of the whole; false: there was none. */
  release(part: number, left?: number): boolean;
  /** Takes the space again, when there is plenty. */
  refill(): void;
  /** What was given up and is not held again: room that is nobody's to use. */
  owedBytes(): number;
}

const chunkBytes = 1024 * 1024;
const refillEveryMs = 10_000;

export function createReserve(home: string, sizeBytes: number): Reserve {
  const path = join(home, 'reserve');
  let lastTryMs = Number.NEGATIVE_INFINITY;
  let mostHeld = 0;
  return {
    release(part, left = 0) {
      const held = sizeOf(path);
      const leftBytes = Math.floor(sizeBytes * left);
      if (held <= leftBytes) return false;
      mostHeld = Math.max(mostHeld, held);
      return shrink(path, Math.max(leftBytes, Math.floor(held * (1 - part))));
    },
    owedBytes: () => Math.max(0, mostHeld - sizeOf(path)),
    refill() {
      const now = performance.now();
      if (now - lastTryMs < refillEveryMs) return;
      lastTryMs = now;
      if (sizeOf(path) >= sizeBytes || diskAvailableBytes(home) < sizeBytes * 2) return;
      try {
        fill(path, sizeBytes);
      } catch {
        // The disk filled up meanwhile: the next try is soon.
        rmSync(path, { force: true });
      }
    },
  };
}

/** False where nothing can be changed: then the disk is not full but read-only. */
function shrink(path: string, sizeBytes: number): boolean {
  try {
    truncateSync(path, sizeBytes);
    return true;
  } catch {
    return false;
  }
}

function fill(path: string, sizeBytes: number): void {
  const file = openSync(path, 'w', 0o600);
  try {
    const chunk = Buffer.alloc(Math.min(chunkBytes, sizeBytes));
    for (let written = 0; written < sizeBytes; written += chunk.length) writeSync(file, chunk);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
