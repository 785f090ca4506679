import type { LogStatus } from '../contracts/api/log.ts';
import type { Provider } from '../contracts/api/providers.ts';
import type { BackupContents } from '../contracts/api/system.ts';
import type { Job } from '../store/job-store.ts';
import type { OutboxEvent } from '../store/outbox-store.ts';
import type { Page, PageRequest } from '../store/store.ts';

/** What the server asks of parts whose own interface is wider; compose/parts.ts passes them in. */

export interface ServerJobs {
  add(owner: string, job: { kind: string; payload: Record<string, unknown>; key?: string }): Promise<Job>;
  get(owner: string, jobId: string): Promise<Job>;
  list(owner: string, filter: { kind?: string; active?: boolean; limit: number }): Promise<Job[]>;
  cancel(owner: string, jobId: string): Promise<Job>;
  onChange(listener: (job: Job) => void): () => void;
}

export interface ServerOutbox {
  status(): Promise<LogStatus>;
  dead(page: PageRequest): Promise<Page<OutboxEvent>>;
  replay(ids?: string[]): Promise<number>;
}

/** Services that answer for models elsewhere. */
export interface ServerProviders {
  list(): Promise<Provider[]>;
  /** For what must hide them. */
  keys(): string[];
  /** Ids as `provider:model`. */
  models(provider?: string): Promise<{ id: string; provider: string }[]>;
  check(name: string): Promise<{ provider: Provider; models: string[] }>;
  save?(
    owner: string,
    name: string,
    provider: { kind: Provider['kind']; url: string; key?: string | null },
  ): Promise<Provider>;
  remove?(owner: string, name: string): Promise<void>;
  /** There are other models than before. */
  onChange(listener: () => void): () => void;
}

export interface ServerBackups {
  list(): Promise<{ name: string; sizeBytes: number; createdAt: number }[]>;
  create(options: {
    archive?: boolean | undefined;
  }): Promise<{ name: string; sizeBytes: number; createdAt: number }>;
  /** By its name in the list, or the file itself. */
  contents(backup: string | AsyncIterable<Uint8Array>): Promise<BackupContents>;
  restore(backup: string | AsyncIterable<Uint8Array>): Promise<{ previous: string }>;
}
