import type { ModelRecord } from '../contracts/models.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { HubCache } from './hub/hub-cache.ts';
import type { HubClient } from './hub/hub-client.ts';
import type { Converter } from './pull/converter.ts';
import type { KeyedLock } from './pull/keyed-lock.ts';
import type { Registry } from './registry/registry.ts';

/** What is held against files of models: the engine keeps it, since it meets the damage. */
export interface FileDoubts {
  /** Whether the engine crashed over this file, or found it damaged. */
  isDoubted(sha256: string): boolean;
  /** The file was read whole, made anew or removed: what is tried next is tried without prejudice. */
  release(sha256: string): void;
}

/** What the operations on models share. */
export interface ModelsContext {
  registry: Registry;
  hub: HubClient;
  cache: HubCache;
  converter: Converter;
  clock: Clock;
  log: Log;
  lock: KeyedLock;
  doubts: FileDoubts;
  /** Names of the configured providers. */
  providers: () => readonly string[];
  /** Folder with the bundled model's files. */
  bundledFolder: string;
  /** What is known of the bundled model's files. */
  bundled: BundledKnowledge;
  /** Disk that is left to everything else. */
  reserveBytes: number;
  /** Context of a chat where nothing else is asked for. */
  contextTokens: number;
  /** How often downloads are made safe. */
  blockBytes?: number | undefined;
}

export interface BundledKnowledge {
  /** Hashes of the files by what they looked like when they were hashed. */
  readonly fingerprints: Map<string, string>;
  /** Descriptions by the hash of the files. */
  readonly records: Map<string, ModelRecord>;
  /** The hash that was found last, and when by the process's own clock. */
  last: { fingerprint: string; at: number } | null;
}
