import { createStore } from './store.ts';

/**
 * Raised by what somebody does here whose outcome stands at the end of the chat. What others do, or what goes out by
 * itself, moves nobody who reads.
 */
export const endWanted = createStore(0);

export function wantEnd(): void {
  endWanted.set((count) => count + 1);
}
