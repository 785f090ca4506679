import { join } from 'node:path';
import { hostsToAllow } from './allowed-hosts.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { createLibraries, type Libraries } from '../engine/llama/libraries.ts';
import { createLlamaLoader, type LlamaLoader } from '../engine/llama/llama-loader.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createHttpClient, type HttpClient } from '../net/http-client.ts';

export interface Outside {
  http: HttpClient;
  libraries: Libraries;
  loader: LlamaLoader;
}

export interface OutsideOptions {
  config: Config;
  home: Home;
  clock: Clock;
  log: Log;
  ownPorts: () => readonly number[];
}

const npmRegistry = 'https://registry.npmjs.org';

/** The one way out of the process, and the engine that computes here. */
export function createOutside({ config, home, clock, log, ownPorts }: OutsideOptions): Outside {
  const http = createHttpClient({ allowedHosts: hostsToAllow(config), ownPorts, log, proxy: config });
  const libraries = createLibraries({
    ownFolder: config.llamaFolder,
    gpu: config.gpu,
    folder: join(home.folder, 'libraries'),
    registry: npmRegistry,
    client: http,
    log,
  });
  const loader = createLlamaLoader({
    librariesDirectory: () => libraries.directory(),
    isForeign: () => libraries.status().origin !== 'package',
    crashFile: join(home.folder, 'crashes.json'),
    clock,
    log,
    ...(config.threads > 0 ? { maxThreads: config.threads } : {}),
    snapshots: { directory: home.kv, budgetBytes: config.kvBudgetBytes },
  });
  return { http, libraries, loader };
}
