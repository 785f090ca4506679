/** One pull in a process of its own, so that a test can kill it: `node pull-process.ts OPTIONS REFERENCE`. */
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createModels } from '../../src/models/create-models.ts';
import { converter } from '../../src/models/pull/converter.ts';

interface Options {
  folder: string;
  endpoint: string;
  cacheFolder: string;
  bundledFolder: string;
  outboundHosts: string[];
  blockBytes: number;
}

const [optionsText = '{}', reference = ''] = process.argv.slice(2);
const { endpoint, cacheFolder, ...options } = JSON.parse(optionsText) as Options;
const models = createModels({
  ...options,
  hub: { endpoint, token: '', offline: false, cacheFolder },
  providers: () => [],
  contextTokens: 8192,
  converter,
  doubts: { isDoubted: () => false, release: () => undefined },
  clock: systemClock,
  log: silentLog,
  reserveBytes: 0,
});
try {
  for await (const event of models.pull(reference)) console.log(JSON.stringify(event));
} catch (error) {
  console.log(JSON.stringify({ type: 'failed', error }));
  process.exitCode = 1;
}
await models.close();
