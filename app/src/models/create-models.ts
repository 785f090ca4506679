import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { createHttpClient } from '../net/http-client.ts';
import type { ProxySettings } from '../net/http-sender.ts';
import type { RetryPolicy } from '../net/retry.ts';
import { createHubCache } from './hub/hub-cache.ts';
import { createHubClient } from './hub/hub-client.ts';
import { ModelService } from './model-service.ts';
import type { Models } from './models.ts';
import type { FileDoubts } from './models-context.ts';
import type { Converter } from './pull/converter.ts';
import { createKeyedLock } from './pull/keyed-lock.ts';
import { Registry } from './registry/registry.ts';

export interface ModelsOptions {
  /** CORRAL_HOME/models. */
  folder: string;
  /** Folder with the bundled model's Hugging Face files: `cria/` of the clone. */
  bundledFolder: string;
  hub: {
    endpoint: string;
    /** Empty: the one that the Hub's own tools keep in HF_HOME, if any. */
    token: string;
    offline: boolean;
    /** HF_HOME; it is only read. */
    cacheFolder: string;
  };
  /** Names of the configured providers: `provider:model` is theirs. */
  providers: () => readonly string[];
  /** Hosts that the operator named; that of the endpoint need not be among them. */
  outboundHosts: readonly string[];
  ownPorts?: () => readonly number[];
  proxy?: ProxySettings;
  /** Context of a chat where nothing else is asked for. */
  contextTokens: number;
  converter: Converter;
  doubts: FileDoubts;
  clock: Clock;
  log: Log;
  /** Disk that is left to everything else; default 2 GiB. */
  reserveBytes?: number;
  retry?: RetryPolicy;
  /** How often downloads are made safe; default 64 MiB. */
  blockBytes?: number;
}

const publicHub = 'https://huggingface.co';
const defaultReserveBytes = 2 * 2 ** 30;

/** Builds everything that knows models. `close` ends its connections. */
export function createModels(options: ModelsOptions): Models & { close(): Promise<void> } {
  const { hub } = options;
  const endpoint = hub.endpoint.replace(/\/+$/, '');
  const client = createHttpClient({
    // The Hub itself has to be public and https; a mirror is a host that the operator named.
    allowedHosts: [...(endpoint === publicHub ? [] : [new URL(endpoint).host]), ...options.outboundHosts],
    ...(options.ownPorts === undefined ? {} : { ownPorts: options.ownPorts }),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    log: options.log,
  });
  const service = new ModelService({
    registry: new Registry(options.folder, options.log, (sha256) => options.doubts.release(sha256)),
    hub: createHubClient({
      endpoint,
      token: hub.token === '' ? storedToken(hub.cacheFolder) : hub.token,
      offline: hub.offline,
      client,
      ...(options.retry === undefined ? {} : { retry: options.retry }),
    }),
    cache: createHubCache(hub.cacheFolder),
    converter: options.converter,
    clock: options.clock,
    log: options.log,
    lock: createKeyedLock(),
    doubts: options.doubts,
    providers: options.providers,
    bundledFolder: options.bundledFolder,
    bundled: { fingerprints: new Map(), records: new Map(), last: null },
    reserveBytes: options.reserveBytes ?? defaultReserveBytes,
    contextTokens: options.contextTokens,
    blockBytes: options.blockBytes,
  });
  return Object.assign(service, { close: () => client.close() });
}

/** Where `huggingface-cli login` leaves the token. */
function storedToken(cacheFolder: string): string {
  try {
    const token = readFileSync(join(cacheFolder, 'token'), 'utf8').trim();
    return /^[\w.-]{1,500}$/.test(token) ? token : '';
  } catch {
    return '';
  }
}
