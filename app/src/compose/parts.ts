import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createChats } from '../chat/create-chats.ts';
import type { Chats } from '../chat/chats.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { createFleet, type Engines } from '../engine/fleet.ts';
import type { EngineLoader } from '../engine/engine.ts';
import type { Providers } from '../engine/remote/providers.ts';
import { createJobs, type Jobs } from '../jobs/jobs.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createModels, type ModelsOptions } from '../models/create-models.ts';
import type { Models } from '../models/models.ts';
import { converter } from '../models/pull/converter.ts';
import { createOutbox, type Outbox } from '../outbox/outbox.ts';
import { createServer, type CorralServer } from '../server/create-server.ts';
import type { Store } from '../store/store.ts';
import { createBackups } from '../store/backups.ts';
import { createFileDoubts } from './file-doubts.ts';
import { createJobKinds } from './job-kinds.ts';
import { createOutside } from './outside.ts';
import { portsOf } from './own-ports.ts';
import { createRemote, unloadModelsOf } from './remote.ts';

/** The whole program, put together once. */
export interface Parts {
  server: CorralServer;
  /** Lets the command line of this user in; see config/home-lock.ts. */
  localToken: string;
  /** Takes up what a crash left unfinished, unless answers are to be left to the next start, and begins the background work. */
  start(options?: { takesUpAnswers: boolean }): Promise<void>;
  /** In the order that loses nothing: faces, answers, background work, engines, store. */
  close(): Promise<void>;
}

export interface ComposeOptions {
  config: Config;
  home: Home;
  version: string;
  log: Log;
  store: Store;
}

interface Kept {
  config: Config;
  log: Log;
  store: Store;
  engines: Engines;
  models: Models;
  providers: Providers;
  chats: Chats;
  outbox: Outbox;
  jobs: Jobs;
  remote: { close(): Promise<void> };
}

function modelsOptions(
  parts: Pick<ModelsOptions, 'clock' | 'doubts' | 'log' | 'ownPorts'> & {
    config: Config;
    home: Home;
    providers: Providers;
  },
): ModelsOptions {
  const { config, home, providers, ...rest } = parts;
  return {
    ...rest,
    providers: () => providers.names(),
    folder: home.models,
    bundledFolder: join(config.root, 'cria'),
    hub: {
      endpoint: config.hubEndpoint,
      token: config.hubToken,
      offline: config.hubOffline,
      cacheFolder: config.hubCache,
    },
    outboundHosts: config.outboundHosts,
    proxy: config,
    contextTokens: config.contextTokens,
    converter,
  };
}

function openEngines(
  loaders: EngineLoader[],
  { config, models, clock, log }: { config: Config; models: Models; clock: Clock; log: Log },
): Engines {
  return createFleet({
    loaders,
    resolve: (reference, signal) => models.resolve(reference, signal),
    clock,
    log,
    idleMs: config.idleMinutes * 60_000,
    defaults: { contextTokens: config.contextTokens, slots: config.slots, kvType: config.kvType },
  });
}

export async function composeParts(options: ComposeOptions): Promise<Parts> {
  const { config, home, version, log, store } = options;
  const clock = systemClock;
  const localToken = randomBytes(32).toString('base64url');
  let server: CorralServer | undefined;
  const ownPorts = (): number[] => portsOf(server?.address ?? null);
  const { http, loader } = createOutside({ config, home, clock, log, ownPorts });
  const { providers, loader: remote } = createRemote({
    config,
    home,
    store,
    http,
    clock,
    log,
    ownPorts,
    onGone: (name) => unloadModelsOf(engines, name),
  });
  const doubts = createFileDoubts(loader.crashes, () => engines);
  const models = createModels(modelsOptions({ config, home, ownPorts, clock, log, providers, doubts }));
  const engines = openEngines([loader, remote], { config, models, clock, log });
  const outbox = createOutbox({ store, http, clock, log, config });
  const chats = createChats({
    store,
    engines,
    models,
    clock,
    log,
    config,
    dropState: (stateKey) => engines.dropState(stateKey),
    refusal: () => outbox.refusal(),
  });
  const backups = createBackups({ store, folder: home.backups, temporary: home.temporary, clock });
  const jobs = createJobs({
    store,
    clock,
    log,
    kinds: createJobKinds({ chats, models, backUp: async () => void (await backups.daily()) }),
  });
  const parts = {
    config,
    chats,
    models,
    engines,
    jobs,
    outbox,
    store,
    providers,
    backups,
    log,
    clock,
    version,
    localToken,
  };
  server = await createServer(parts);
  return { server, localToken, ...lifecycle(server, { ...parts, remote }) };
}

/** What lay there before the budget became 0 goes. What cannot be deleted keeps nobody from their chats. */
async function dropUnwantedStates({ config, engines, log }: Kept): Promise<void> {
  if (config.kvBudgetBytes > 0) return;
  await engines
    .dropState(null)
    .catch((error: unknown) =>
      log.warn({ part: 'engine', error: String(error) }, 'saved states of chats could not be deleted'),
    );
}

function lifecycle(server: CorralServer, kept: Kept): Pick<Parts, 'start' | 'close'> {
  const { chats, outbox, jobs, engines, providers, remote, store } = kept;
  let stopListening = (): void => undefined;
  return {
    async start({ takesUpAnswers } = { takesUpAnswers: true }) {
      stopListening = chats.onChange((notice) => {
        if (notice.type === 'run-changed' && notice.state === 'ended') outbox.wake();
      });
      await providers.start();
      await outbox.start();
      await dropUnwantedStates(kept);
      if (takesUpAnswers) await chats.start();
      await jobs.start();
    },
    async close() {
      stopListening();
      await server.close();
      await chats.close();
      await Promise.all([jobs.close(), outbox.close()]);
      await engines.close();
      await Promise.all([providers.close(), remote.close()]);
      await store.close();
    },
  };
}
