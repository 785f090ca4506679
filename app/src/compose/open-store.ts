import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';

/** Only the chosen adapter is loaded: a driver that nobody uses would take memory all the same. */
export async function loadStore(config: Config, home: Home, log: Log): Promise<() => Promise<Store>> {
  const clock = systemClock;
  if (config.databaseUrl === '') {
    const { createSqliteStore } = await import('../store/sqlite/sqlite-store.ts');
    return () => createSqliteStore({ home: home.folder, clock, log });
  }
  const { createPostgresStore } = await import('../store/postgres/postgres-store.ts');
  return () =>
    createPostgresStore({
      url: config.databaseUrl,
      home: home.folder,
      clock,
      log,
      async scrubFiles(erased) {
        const { scrubLeftFiles } = await import('../store/sqlite/scrub-backups.ts');
        await scrubLeftFiles(home.folder, erased);
      },
    });
}
