import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe } from 'vitest';
import { backupContract } from './contract/backup.contract.ts';
import { chatExchangeContract } from './contract/chat-exchange.contract.ts';
import { chatContract } from './contract/chats.contract.ts';
import { erasureContract } from './contract/erasure.contract.ts';
import { jobContract } from './contract/jobs.contract.ts';
import { outboxContract } from './contract/outbox.contract.ts';
import { providersContract } from './contract/providers.contract.ts';
import { runContract } from './contract/runs.contract.ts';
import { searchContract } from './contract/search.contract.ts';
import { settingsContract } from './contract/settings.contract.ts';
import { trashContract } from './contract/trash.contract.ts';
import type { Store } from './store.ts';

export interface OpenStore {
  store: Store;
  /** Where the store keeps automatic backups. */
  backupFolder: string;
  /** Every byte that the store keeps, for those who look for what should be gone. */
  rawBytes(): Promise<Buffer>;
  close(): Promise<void>;
}

/** What every adapter of the store passes. One store serves all tests; each test takes owners of its own. */
export function storeContract(kind: 'sqlite' | 'postgres', open: () => Promise<OpenStore>): void {
  describe(`store: ${kind}`, () => {
    let opened: OpenStore;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.close();
    });
    const parts = {
      kind,
      store: () => opened.store,
      rawBytes: () => opened.rawBytes(),
      backupFolder: () => opened.backupFolder,
      owner: () => `owner-${uuidv7()}`,
    };
    chatContract(parts);
    chatExchangeContract(parts);
    runContract(parts);
    trashContract(parts);
    searchContract(parts);
    outboxContract(parts);
    jobContract(parts);
    settingsContract(parts);
    providersContract(parts);
    erasureContract(parts);
    backupContract(parts);
  });
}
