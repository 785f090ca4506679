import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { createLog } from './log.ts';
import type { Log } from '../lib/log.ts';
import { clearPassingFiles } from '../store/passing-files.ts';
import { loadStore } from './open-store.ts';
import type { Parts } from './parts.ts';

export interface OpenOptions {
  config: Config;
  home: Home;
  version: string;
  logLevel: Config['logLevel'];
}

/**
 * The store's threads take as long to come up as the rest takes to be loaded, so both go on at once; the threads first,
 * since loading leaves this one no time to start them.
 */
export async function openParts(options: OpenOptions): Promise<Parts> {
  const { config, home, version } = options;
  const log = createLog(options.logLevel);
  // First: on a full disk they may be what fills it.
  clearLeft(home, log);
  const openStore = await loadStore(config, home, log);
  const [store, { composeParts }] = await Promise.all([openStore(), import('./parts.ts')]);
  return composeParts({ config, home, version, log, store });
}

/** Whatever keeps one of them there keeps nobody from their chats. */
function clearLeft(home: Home, log: Log): void {
  try {
    clearPassingFiles(home.temporary);
  } catch (error) {
    log.warn(
      { part: 'store', error: String(error) },
      `what an unfinished restore left in ${home.temporary} could not be removed`,
    );
  }
}
