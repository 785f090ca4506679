import type { RunPart } from '../contracts/run-parts.ts';

/** Parts from whoever makes them to the one loop that reads them. A slow reader holds nobody up. */
export interface PartChannel {
  /** Ignored after `end`, which comes exactly once whatever happens. */
  push: (part: RunPart) => void;
  readonly isEnded: boolean;
  /** May be read once. `onLeave` runs when the reader goes before the end. */
  read(onLeave: () => void): AsyncGenerator<RunPart, void, undefined>;
}

export function createPartChannel(): PartChannel {
  const waiting: RunPart[] = [];
  let isEnded = false;
  let wake: (() => void) | null = null;

  function append(part: RunPart): void {
    const last = waiting.at(-1);
    // What the reader has not taken yet may as well come in one piece.
    if (part.type === 'text-delta' && last?.type === 'text-delta') {
      waiting[waiting.length - 1] = { type: 'text-delta', text: last.text + part.text };
    } else {
      waiting.push(part);
    }
  }

  return {
    push(part) {
      if (isEnded) return;
      append(part);
      isEnded = part.type === 'end';
      wake?.();
      wake = null;
    },
    get isEnded() {
      return isEnded;
    },
    async *read(onLeave) {
      let isFinished = false;
      try {
        while (!isFinished) {
          const part = waiting.shift();
          if (part) {
            isFinished = part.type === 'end';
            yield part;
          } else {
            await new Promise<void>((resolve) => (wake = resolve));
          }
        }
      } finally {
        if (!isFinished) onLeave();
      }
    },
  };
}
