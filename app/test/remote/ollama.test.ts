import { afterEach, expect, test } from 'vitest';
import { createFleet } from '../../src/engine/fleet.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { openLoader, usualContext } from './remote-model.ts';
import { ollama } from './service-fixtures.ts';
import { json, startService, stream } from './stand-in-service.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** `/api/ps` of a loaded model, shortened. */
const loaded = (contextTokens: number, name = ollama.model): object => ({
  models: [
    { name: 'other:7b', model: 'other:7b', context_length: 512 },
    { name, model: name, size_vram: 0, context_length: contextTokens },
  ],
});

/** `/api/show`, shortened. */
const made = (trained: number, parameters?: string): object => ({
  modelfile: 'FROM /root/.ollama/models/blobs/sha256-74',
  ...(parameters === undefined ? {} : { parameters }),
  model_info: { 'general.architecture': 'llama', 'llama.context_length': trained, 'llama.block_count': 16 },
});

const manyParameters = 'stop                           "<|eot_id|>"\nnum_ctx                        16384\n';

interface Case {
  running?: object;
  shown?: object;
  /** What the chat wants. */
  wish?: number;
  expected: number;
}

/** What is asked, and the context that chats are planned with. */
const cases: [string, Case][] = [
  [
    'what it is loaded with is the most there is',
    { running: loaded(4096), shown: made(131_072), expected: 4096 },
  ],
  ['also where a chat wants more', { running: loaded(4096), wish: 16_384, expected: 4096 }],
  ['and a chat may have it where it is much', { running: loaded(65_536), wish: 16_384, expected: 16_384 }],
  [
    'a model that is not loaded has what it is made with',
    { running: { models: [] }, shown: made(131_072, 'num_ctx 2048'), expected: 2048 },
  ],
  ['at most what it was trained with', { shown: made(8000, manyParameters), expected: 8000 }],
  ['or the default of Ollama', { running: { models: [] }, shown: made(131_072, 'stop "x"'), expected: 4096 }],
  ['which a small model does not reach', { shown: made(2048), expected: 2048 }],
  ['a chat may want more than a mere default', { shown: made(131_072), wish: 16_384, expected: 16_384 }],
  ['nothing is told', { expected: 4096 }],
  [
    'nonsense is told',
    {
      running: { models: [{ name: 7 }, null] },
      shown: { parameters: 'num_ctx many', model_info: [] },
      expected: 4096,
    },
  ],
];

test.each(cases)('%s', async (_, { running, shown, wish, expected }) => {
  const service = await startService({
    'GET /v1/models': json(200, ollama.models),
    'POST /v1/chat/completions': stream(ollama.stream),
    ...(running && { 'GET /api/ps': json(200, running) }),
    ...(shown && { 'POST /api/show': json(200, shown) }),
  });
  closing.push(service.close);
  for (const url of [service.url, `${service.url}/v1`])
    expect(await plannedWith({ url, ...(wish === undefined ? {} : { wish }) })).toBe(expected);
});

/** As the program loads models: its own default must not look like a wish. */
async function plannedWith({ url, wish }: { url: string; wish?: number }): Promise<number> {
  const { loader, close } = openLoader({ provider: { kind: 'openai', url } });
  const engines = createFleet({
    loaders: [loader],
    resolve: async (id) => ({ kind: 'remote', id, provider: 'svc', model: ollama.model }),
    clock: systemClock,
    log: silentLog,
    idleMs: 0,
    defaults: { contextTokens: usualContext, slots: 4, kvType: 'f16' },
  });
  closing.push(close, () => engines.close());
  const { engine } = await engines.use('svc:model', wish === undefined ? {} : { contextTokens: wish });
  return engine.describe().contextTokens;
}
