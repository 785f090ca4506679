import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { HubCache } from './hub/hub-cache.ts';
import type { HubClient } from './hub/hub-client.ts';
import type { Converter } from './pull/converter.ts';
import type { KeyedLock } from './pull/keyed-lock.ts';
import type { Registry } from './registry/registry.ts';

/** What the operations on models share. */
export interface ModelsContext {
  registry: Registry;
  hub: HubClient;
  cache: HubCache;
  converter: Converter;
  clock: Clock;
  log: Log;
  lock: KeyedLock;
  /** Names of the configured providers. */
  providers: () => readonly string[];
  /** Folder with the bundled model's files. */
  bundledFolder: string;
  /** Hashes of the bundled model's files as they were when they were hashed last. */
  fingerprints: Map<string, string>;
  /** Disk that is left to everything else. */
  reserveBytes: number;
  /** Context of a chat where nothing else is asked for. */
  contextTokens: number;
  /** How often downloads are made safe. */
  blockBytes?: number | undefined;
}
