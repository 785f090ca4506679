import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createModels, type ModelsOptions } from '../../src/models/create-models.ts';
import type { Models } from '../../src/models/models.ts';
import type { PullProgress } from '../../src/contracts/models.ts';
import { converter } from '../../src/models/pull/converter.ts';
import { type LocalHub, type LocalHubOptions, startLocalHub } from './local-hub.ts';

/** A CORRAL_HOME in a temporary folder, and models that come from a Hub on this machine. */
export interface ModelsOnHub {
  hub: LocalHub;
  /** Temporary folder; `models` in it is the registry's. */
  folder: string;
  models: Models;
  /** Names in a folder of the registry; none where it is not there. */
  inside(name: string): string[];
  /** Lets a pull come to its end, where a folder has the name under which the manifest is written; what it ended with. */
  withoutName(id: string, events: AsyncIterable<PullProgress>): Promise<unknown>;
  /** Another set of models over the same folder and Hub, as after a restart. */
  again(options?: Partial<ModelsOptions['hub']>): Models;
  close(): Promise<void>;
}

export const quickRetries = { attempts: 4, baseMs: 1, capMs: 4, maxRetryAfterMs: 2000 };

export async function startModelsOnHub(
  hubOptions: LocalHubOptions = {},
  given: Partial<ModelsOptions> = {},
): Promise<ModelsOnHub> {
  const hub = await startLocalHub(hubOptions);
  const folder = mkdtempSync(join(tmpdir(), 'corral-models-'));
  const opened: { close(): Promise<void> }[] = [];
  const again = (hubGiven: Partial<ModelsOptions['hub']> = {}): Models => {
    const models = createModels({
      folder: join(folder, 'models'),
      bundledFolder: join(import.meta.dirname, '../../../cria'),
      hub: {
        endpoint: hub.endpoint,
        token: '',
        offline: false,
        cacheFolder: join(folder, 'huggingface'),
        ...hubGiven,
      },
      providers: () => ['hf'],
      outboundHosts: hub.hosts,
      contextTokens: 8192,
      converter,
      doubts: { isDoubted: () => false, release: () => undefined },
      clock: systemClock,
      log: silentLog,
      reserveBytes: 0,
      retry: quickRetries,
      ...given,
    });
    opened.push(models);
    return models;
  };
  return {
    hub,
    folder,
    models: again(),
    again,
    inside(name) {
      const at = join(folder, 'models', name);
      return existsSync(at) ? readdirSync(at) : [];
    },
    async withoutName(id, events) {
      const name = createHash('sha256').update(id).digest('hex');
      const inTheWay = join(folder, `models/manifests/${name}.json.part`);
      mkdirSync(inTheWay, { recursive: true });
      const ended = await drain(events).catch((error: unknown) => error);
      rmSync(inTheWay, { recursive: true });
      return ended;
    },
    async close() {
      for (const models of opened) await models.close();
      await hub.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a pull to its end; everything it said. */
export async function drain<Event>(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}

export async function pulled(
  events: AsyncIterable<PullProgress>,
): Promise<Extract<PullProgress, { type: 'done' }>['model']> {
  const last = (await drain(events)).at(-1);
  if (last?.type !== 'done') throw new Error('the last event is not done');
  return last.model;
}

/** How long each piece was that was asked of the store, less one byte; endless where no end was named. */
export function askedLengths({ requests }: Pick<LocalHub, 'requests'>): number[] {
  return requests
    .filter(({ origin }) => origin === 'store')
    .map(({ headers }) => /bytes=(\d+)-(\d+)/.exec(headers.range ?? '') ?? [])
    .map(([, from = 0, to = Infinity]) => Number(to) - Number(from));
}
