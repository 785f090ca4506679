export interface StopScanner {
  /** Text that can be shown now; `stop` once one of the strings is complete: nothing of it was ever returned. */
  push(text: string): { text: string; stop?: string };
  /** What was held back, once no more comes. */
  flush(): string;
}

/** Finds stop strings across the borders of tokens and holds back what might begin one. */
export function createStopScanner(stops: readonly string[]): StopScanner {
  const wanted = stops.filter((stop) => stop !== '');
  let held = '';
  return {
    push(text) {
      held += text;
      const found = earliest(held, wanted);
      if (found) {
        const shown = held.slice(0, found.at);
        held = '';
        return { text: shown, stop: found.stop };
      }
      const keep = longestBeginning(held, wanted);
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: shown };
    },
    flush() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

function earliest(text: string, stops: readonly string[]): { at: number; stop: string } | null {
  let best: { at: number; stop: string } | null = null;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at >= 0 && (best === null || at < best.at)) best = { at, stop };
  }
  return best;
}

/** Length of the longest end of `text` with which a stop string begins. */
function longestBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let size = Math.min(stop.length - 1, text.length); size > longest; size--) {
      if (text.endsWith(stop.slice(0, size))) longest = size;
    }
  }
  return longest;
}
