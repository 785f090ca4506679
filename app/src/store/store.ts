import type { BackupContents } from '../contracts/api/system.ts';
import type { ChatStore } from './chat-store.ts';
import type { ExchangeStore } from './exchange-store.ts';
import type { JobStore } from './job-store.ts';
import type { OutboxStore } from './outbox-store.ts';
import type { ProviderStore } from './provider-store.ts';
import type { RunStore } from './run-store.ts';
import type { SettingsStore } from './settings-store.ts';

/**
 * The port of everything that is kept. `store.contract.ts` is the suite that every adapter passes.
 *
 * What every adapter promises:
 * - One call is one transaction: all of it happened, or nothing did. When a write resolves, it is on disk.
 * - Calls take and give plain data (they cross a worker's border). They reject with `AppError`s only.
 * - Every row carries its owner, inside the statement. A row of another owner is as unknown as one that never was:
 *   reads give null or leave it out, writes reject with `not-found`.
 * - A write that names a version older than the row's rejects with `conflict` (`details.version` is the row's) and
 *   changes nothing.
 * - Times come from the caller, in milliseconds since 1970; order comes from sequence, never from time.
 * - Text is stored and given back unit for unit; a lone surrogate is refused with `bad-request` before it gets here.
 */
export interface Store
  extends
    ChatStore,
    RunStore,
    OutboxStore,
    SettingsStore,
    ProviderStore,
    JobStore,
    ExchangeStore,
    StoreUpkeep {}

export interface StoreHealth {
  kind: 'sqlite' | 'postgres';
  /** False while the disk is full or the folder read-only: reading goes on, writing rejects. */
  writable: boolean;
  sizeBytes: number;
  schemaVersion: number;
  /** What happened at the start that a person should know (a damaged file set aside, a backup restored). */
  notices: string[];
}

export interface StoreUpkeep {
  health(): Promise<StoreHealth>;
  /**
   * Writes a complete copy while others go on reading and writing. On PostgreSQL, or where the name ends in `.gz`, it
   * is an archive that either database can restore; otherwise it is an SQLite file.
   */
  backup(path: string): Promise<{ sizeBytes: number }>;
  /**
   * Puts a backup in place of everything there is, all or nothing, also while others are at work. A backup of what
   * was there is made first; `previous` is its path.
   */
  restoreBackup(path: string): Promise<{ previous: string }>;
  /** What a backup holds. It is read to its end, but only restoring shows whether every row is sound. */
  readBackup(path: string): Promise<BackupContents>;
  close(): Promise<void>;
}

/** One page of a list; `cursor` null means there is no more. */
export interface Page<Item> {
  items: Item[];
  cursor: string | null;
}

export interface PageRequest {
  limit: number;
  /** As the page before gave it; absent: from the start. */
  cursor?: string | null;
}
