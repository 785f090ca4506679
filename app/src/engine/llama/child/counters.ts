/** What has happened since the model was loaded; see `statsSchema`. */
export interface Counters {
  decodes: number;
  decodeMs: number;
  overheadMs: number;
  overheadThreadMs: number;
  generatedTokens: number;
  promptTokens: number;
  cachedTokens: number;
  copiedTokens: number;
  restoredTokens: number;
  keptIdTokens: number;
  snapshotsRestored: number;
  abortedDecodes: number;
  evictions: number;
  preemptions: number;
  adapterSwitches: number;
}

export function createCounters(): Counters {
  return {
    decodes: 0,
    decodeMs: 0,
    overheadMs: 0,
    overheadThreadMs: 0,
    generatedTokens: 0,
    promptTokens: 0,
    cachedTokens: 0,
    copiedTokens: 0,
    restoredTokens: 0,
    keptIdTokens: 0,
    snapshotsRestored: 0,
    abortedDecodes: 0,
    evictions: 0,
    preemptions: 0,
    adapterSwitches: 0,
  };
}
