import { useCallback, useSyncExternalStore } from 'react';
import { afterPicture } from './after-picture.ts';

/** A value outside React that components subscribe to. */
export interface Readable<T> {
  get: () => T;
  subscribe: (listener: () => void) => () => void;
}

export interface Store<T> extends Readable<T> {
  set: (next: T | ((previous: T) => T)) => void;
}

export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next) => {
      const changed = typeof next === 'function' ? (next as (previous: T) => T)(value) : next;
      if (Object.is(changed, value)) return;
      value = changed;
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<T>(store: Readable<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

/** A part of a store; `select` must return the same value for the same state. */
export function useSelected<T, S>(store: Readable<T>, select: (value: T) => S): S {
  return useSyncExternalStore(
    store.subscribe,
    () => select(store.get()),
    () => select(store.get()),
  );
}

/** As `useSelected`, but the component is drawn again only after what brought the change, such as a letter. */
export function useSelectedLater<T, S>(store: Readable<T>, select: (value: T) => S): S {
  const subscribe = useCallback(
    (listener: () => void) =>
      store.subscribe(() => {
        afterPicture(listener);
      }),
    [store],
  );
  return useSyncExternalStore(subscribe, () => select(store.get()));
}
