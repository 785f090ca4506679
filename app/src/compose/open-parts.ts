import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { createLog } from '../log.ts';
import { openStore } from './open-store.ts';
import type { Parts } from './parts.ts';

export interface OpenOptions {
  config: Config;
  home: Home;
  version: string;
  logLevel: Config['logLevel'];
}

/** The store's threads take as long to come up as the rest takes to be loaded, so both go on at once. */
export async function openParts(options: OpenOptions): Promise<Parts> {
  const { config, home, version } = options;
  const log = createLog(options.logLevel);
  const [store, { composeParts }] = await Promise.all([openStore(config, home, log), import('./parts.ts')]);
  return composeParts({ config, home, version, log, store });
}
