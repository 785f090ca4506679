import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chats } from '../chat/chats.ts';
import type { Config } from '../config/config.ts';
import type { Engines } from '../engine/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Models } from '../models/models.ts';
import type { StoreHealth } from '../store/store.ts';
import { createAccess, type Access } from './gates/access.ts';
import { createEndedSessions } from './gates/ended-sessions.ts';
import { createHostGate, type HostGate } from './gates/host-gate.ts';
import { createSessionAnswers, type SessionAnswers } from './gates/session-answers.ts';
import { createGradioSessions, type GradioSessions } from './gradio/gradio-sessions.ts';
import { createIdempotency, type Idempotency } from './idempotency.ts';
import { createMask } from './mask-secrets.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import type { ServerBackups, ServerJobs, ServerOutbox, ServerProviders } from './ports.ts';
import { createTabStreams, type TabStreams } from './tab-streams.ts';

/** What a server is made of. Parts that are left out answer as if there were none. */
export interface ServerOptions {
  config: Config;
  chats: Chats;
  models: Models;
  engines: Engines;
  jobs: ServerJobs;
  outbox: ServerOutbox;
  store: { health(): Promise<StoreHealth> };
  providers?: ServerProviders;
  backups?: ServerBackups;
  log: Log;
  clock: Clock;
  version: string;
  /** Lets the command line of the same user in without the access key; see config/home-lock.ts. */
  localToken?: string;
  bootId?: string;
  /** Folder of the built page; absent: `web/dist` in the clone. */
  pageFolder?: string;
}

export interface ServedRoute {
  method: string;
  url: string;
  access: 'public' | 'key';
}

/** The same for every request of one server. */
export interface ServerContext extends ServerOptions {
  bootId: string;
  localToken: string;
  pageFolder: string;
  pageVersion: string;
  access: Access;
  sessionAnswers: SessionAnswers;
  hostGate: HostGate;
  metrics: Metrics;
  streams: TabStreams;
  gradio: GradioSessions;
  idempotency: Idempotency;
  /** Takes secrets out of a text that is logged or answered. */
  mask: (text: string) => string;
  /** Answers of compatibility clients that are being written. */
  inFlight: Set<AbortController>;
  /** Every address that is served. */
  routes: ServedRoute[];
  port: number;
  /** Resolves when what must be done before anybody may ask is done. */
  opening: Promise<void>;
  isClosing: boolean;
}

/** Changes with the page's own files, so that an open tab can tell that it is old. */
function pageVersionOf(folder: string): string {
  const file = join(folder, 'index.html');
  if (!existsSync(file)) return 'none';
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
}

export async function createServerContext(
  options: ServerOptions & { bootId: string },
): Promise<ServerContext> {
  const { config, chats, clock, bootId } = options;
  const localToken = options.localToken ?? randomBytes(32).toString('base64url');
  const pageFolder = options.pageFolder ?? join(config.root, 'web', 'dist');
  const pageVersion = pageVersionOf(pageFolder);
  const context: ServerContext = {
    ...options,
    localToken,
    pageFolder,
    pageVersion,
    hostGate: createHostGate(config),
    access: createAccess({
      accessKey: config.accessKey,
      localToken,
      isHttps: config.https,
      clock,
      port: () => context.port,
      ended: createEndedSessions({ home: config.home, clock, log: options.log }),
    }),
    sessionAnswers: createSessionAnswers(),
    metrics: createMetrics({ ...options, slots: config.slots, openStreams: () => context.streams.size }),
    streams: createTabStreams({
      watch: (owner, runId, start) => chats.watch(owner, runId, start),
      onChange: (listener) => chats.onChange(listener),
      bootId,
      pageVersion: () => pageVersion,
    }),
    gradio: createGradioSessions({ clock }),
    idempotency: createIdempotency(clock),
    mask: createMask(config, () => [localToken, ...(options.providers?.keys() ?? [])]),
    inFlight: new Set(),
    routes: [],
    port: config.port,
    opening: Promise.resolve(),
    isClosing: false,
  };
  return context;
}
