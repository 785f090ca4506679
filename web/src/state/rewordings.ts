import { createStore } from './store.ts';

/** What stands in the editors of messages that are being reworded, by the messages' ids; it outlives their rows. */
export const rewordings = createStore<ReadonlyMap<string, string>>(new Map());

export function reword(messageId: string, text: string): void {
  rewordings.set((all) => new Map(all).set(messageId, text));
}

export function endRewording(messageId: string): void {
  rewordings.set((all) => new Map([...all].filter(([id]) => id !== messageId)));
}
