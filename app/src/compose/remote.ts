import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import type { Engines } from '../engine/fleet.ts';
import { createProviders, type Providers } from '../engine/remote/providers.ts';
import { createRemoteLoader, type RemoteLoader } from '../engine/remote/remote-loader.ts';
import { defaultDeadlines } from '../engine/remote/remote-provider.ts';
import { createSealer } from '../engine/remote/sealed-key.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createHubClient } from '../models/hub/hub-client.ts';
import { createTokenizerFinder } from '../models/hub/tokenizer-finder.ts';
import type { HttpClient } from '../net/http-client.ts';
import type { Store } from '../store/store.ts';

export interface RemoteParts {
  config: Config;
  home: Home;
  store: Store;
  http: HttpClient;
  clock: Clock;
  log: Log;
  ownPorts: () => readonly number[];
  onGone: (name: string) => Promise<void>;
}

/** Services elsewhere, and the engines that speak to them. */
export function createRemote(parts: RemoteParts): { providers: Providers; loader: RemoteLoader } {
  const { config, home, http, clock, log } = parts;
  const providers = createProviders({
    ...parts,
    configured: config.providers,
    sealer: createSealer(home.sealKey),
    deadlines: defaultDeadlines,
    proxy: config,
  });
  const hub = createHubClient({
    endpoint: config.hubEndpoint,
    token: config.hubToken,
    offline: config.hubOffline,
    client: http,
  });
  const loader = createRemoteLoader({
    connection: (name) => providers.connection(name),
    findTokenizer: createTokenizerFinder({
      hub,
      folder: home.tokenizers,
      isOffline: config.hubOffline,
      clock,
      log,
    }),
    contextTokens: config.contextTokens,
    clock,
    log,
  });
  return { providers, loader };
}

/** Engines of a service whose settings changed; runs that they were at are taken up again with the new ones. */
export async function unloadModelsOf(engines: Engines, provider: string): Promise<void> {
  const theirs = engines
    .loaded()
    .filter(({ kind, id }) => kind === 'remote' && id.startsWith(`${provider}:`));
  await Promise.all(theirs.map(({ id }) => engines.unload(id)));
}
