/** Slots and a queue that is fair between persons: of those who wait, whoever was served longest ago comes first. */
export interface Turns {
  /** Resolves with the function that gives the slot back. `onPosition` hears of every change while waiting. */
  take(person: string, options: TakeOptions): Promise<() => void>;
}

export interface TakeOptions {
  /** Waits for everything that is not. */
  isSide: boolean;
  onPosition(position: number): void;
  signal: AbortSignal;
}

interface Waiting extends TakeOptions {
  person: string;
  start(): void;
}

export function createTurns(slots: number): Turns {
  const waiting: Waiting[] = [];
  const lastServed = new Map<string, number>();
  let free = slots;
  let served = 0;

  const inOrder = (): Waiting[] =>
    waiting.toSorted(
      (a, b) =>
        Number(a.isSide) - Number(b.isSide) ||
        (lastServed.get(a.person) ?? 0) - (lastServed.get(b.person) ?? 0),
    );

  function serve(): void {
    while (free > 0) {
      const next = inOrder()[0];
      if (!next) break;
      waiting.splice(waiting.indexOf(next), 1);
      lastServed.set(next.person, ++served);
      free--;
      next.start();
    }
    for (const [position, one] of inOrder().entries()) one.onPosition(position + 1);
  }

  function release(): () => void {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      free++;
      serve();
    };
  }

  return {
    take: (person, options) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => {
          waiting.splice(waiting.indexOf(entry), 1);
          reject(options.signal.reason);
          serve();
        };
        const entry: Waiting = {
          ...options,
          person,
          start: () => {
            options.signal.removeEventListener('abort', onAbort);
            resolve(release());
          },
        };
        if (options.signal.aborted) {
          reject(options.signal.reason);
          return;
        }
        options.signal.addEventListener('abort', onAbort, { once: true });
        waiting.push(entry);
        serve();
      }),
  };
}
