import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine, LoadOptions } from '../../src/engine/engine.ts';
import { createRemoteLoader, type RemoteLoader } from '../../src/engine/remote/remote-loader.ts';
import {
  defaultDeadlines,
  type Deadlines,
  type RemoteProvider,
} from '../../src/engine/remote/remote-provider.ts';
import { ServiceConnection } from '../../src/engine/remote/service-connection.ts';
import type { TokenizerFiles } from '../../src/engine/remote/tokenizer-files.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

export interface RemoteModelOptions {
  provider: Partial<RemoteProvider> & Pick<RemoteProvider, 'kind' | 'url'>;
  model: string;
  deadlines?: Partial<Deadlines>;
  tokenizer?: TokenizerFiles;
  /** How long the Hub takes to give it. */
  tokenizerMs?: number;
  load?: LoadOptions;
}

export interface RemoteModel {
  engine: Engine;
  loader: RemoteLoader;
  connection: ServiceConnection;
  close: () => Promise<void>;
}

/** The default of CORRAL_CONTEXT. */
export const usualContext = 8192;

/** A loader with one service, put together as compose does it. */
export function openLoader(options: Omit<RemoteModelOptions, 'model' | 'load'>): Omit<RemoteModel, 'engine'> {
  const provider: RemoteProvider = {
    name: 'svc',
    key: '',
    from: 'environment',
    keyProblem: null,
    ...options.provider,
  };
  const deadlines = { ...defaultDeadlines, ...options.deadlines };
  const connection = new ServiceConnection(provider, {
    deadlines,
    ownPorts: () => [],
    log: silentLog,
    clock: systemClock,
    onListed: () => undefined,
  });
  const loader = createRemoteLoader({
    connection: () => connection,
    findTokenizer: async () => {
      await sleep(options.tokenizerMs ?? 0);
      return options.tokenizer ?? null;
    },
    contextTokens: usualContext,
    clock: systemClock,
    log: silentLog,
    deadlines,
  });
  return {
    loader,
    connection,
    close: async () => {
      await Promise.all([loader.close(), connection.close()]);
    },
  };
}

export async function openModel(options: RemoteModelOptions): Promise<RemoteModel> {
  const opened = openLoader(options);
  const name = opened.connection.provider.name;
  const source = {
    kind: 'remote',
    id: `${name}:${options.model}`,
    provider: name,
    model: options.model,
  } as const;
  try {
    const engine = await opened.loader.load(source, options.load ?? {});
    return {
      ...opened,
      engine,
      close: async () => {
        await engine.close();
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}
