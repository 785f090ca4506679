import type { Store } from '../store.ts';

type Calls = Pick<Store, 'getModelSettings' | 'setModelSettings' | 'erase'>;

/** More models than a person has; then all are asked for anew. */
const maxKept = 256;

/**
 * Settings of models without a way through the reading thread: each answer for a program asks for them. Only this
 * process has the database open (config/home-lock.ts), so nobody changes them unheard.
 */
export function rememberModelSettings(calls: Calls): Calls & { forget: () => void } {
  let kept = new Map<string, ReturnType<Store['getModelSettings']>>();
  const forget = (): void => {
    kept = new Map();
  };
  return {
    forget,
    getModelSettings(owner, model) {
      const key = JSON.stringify([owner, model]);
      const known = kept.get(key);
      if (known) return known;
      if (kept.size >= maxKept) forget();
      const reading = calls.getModelSettings(owner, model);
      kept.set(key, reading);
      reading.catch(forget);
      return reading;
    },
    // What was read meanwhile may be the state before, so it is forgotten afterwards.
    setModelSettings: (owner, write) => calls.setModelSettings(owner, write).finally(forget),
    erase: (owner, what) => calls.erase(owner, what).finally(forget),
  };
}
