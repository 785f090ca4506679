import { type Api, createApi } from './cli/api.ts';
import type { Corral, Serving } from './cli/command.ts';
import type { Config } from './config/config.ts';
import { homeAt, noteStart, prepareHome } from './config/home.ts';
import { readLock, takeLock, untilStopped } from './config/home-lock.ts';
import { systemClock } from './lib/clock.ts';
import { silentLog } from './lib/log.ts';
import { settleMemory } from './lib/settle-memory.ts';

/**
 * The composition root: with compose/ the only place that names adapters. Parts are imported when they are needed,
 * so that `corral --help` does not load a server.
 */
export function createCorral(version: string): Corral {
  return {
    connect: (config) => connect(config, version),
    serve: (config, onWait) => serve(config, version, onWait),
    async *examine(config, signal) {
      const { createOutside } = await import('./compose/outside.ts');
      const { examineParts } = await import('./compose/examine.ts');
      // A folder that cannot be used is a finding of its own; all else can be looked at without it.
      const home = homeAt(config.home);
      const { http, libraries, loader } = createOutside({
        config,
        home,
        clock: systemClock,
        log: silentLog,
        ownPorts: () => [],
      });
      yield* examineParts({ config, libraries, loader, http }, signal);
      await http.close();
    },
  };
}

/** A command says itself what went wrong; a log is written where somebody asked for one. */
function commandLogLevel({ logLevel, sources }: Config): Config['logLevel'] {
  return sources.logLevel === 'default' ? 'silent' : logLevel;
}

async function connect(config: Config, version: string): Promise<Api> {
  const home = prepareHome(config.home);
  await untilStopped(home.lock);
  const holder = readLock(home.lock);
  if (holder?.address && holder.token) {
    const { createSocketTransport } = await import('./compose/socket-transport.ts');
    const transport = createSocketTransport({ address: holder.address, token: holder.token });
    return createApi({ transport, hasServer: true, close: () => Promise.resolve() });
  }
  const lock = takeLock(home.lock);
  try {
    const { openParts } = await import('./compose/open-parts.ts');
    const parts = await openParts({ config, home, version, logLevel: commandLogLevel(config) });
    // A command lives for a second: an answer it took up would be cut again at once, and eight such cuts give one up.
    await parts.start({ takesUpAnswers: false });
    return createApi({
      transport: (method, path, request) => parts.server.handle(method, path, request),
      hasServer: false,
      close: async () => {
        await parts.close();
        lock.release();
      },
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Long enough for the page that is opened at the start to have its files. */
const settleAfterMs = 2000;

async function serve(config: Config, version: string, onWait: () => void): Promise<Serving> {
  const home = prepareHome(config.home);
  await untilStopped(home.lock, onWait);
  const lock = takeLock(home.lock);
  try {
    const { openParts } = await import('./compose/open-parts.ts');
    const parts = await openParts({ config, home, version, logLevel: config.logLevel });
    try {
      // Nobody is answered before what a crash left is taken up: it would be changed in between.
      const address = await parts.server.listen(() => parts.start());
      lock.publish(address, parts.localToken);
      setTimeout(settleMemory, settleAfterMs).unref();
      return {
        address,
        isFirstStart: noteStart(home),
        close: async () => {
          lock.stopping();
          await parts.close();
          lock.release();
        },
      };
    } catch (error) {
      await parts.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}
