import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileDoubts } from '../../src/compose/file-doubts.ts';
import { answerOf, chatRequest } from '../../src/engine/contract/answers.ts';
import { createFleet, type Engines } from '../../src/engine/fleet.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createLlamaWorkplace, type LlamaWorkplace } from '../fixtures/llama-workplace.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { drain, type ModelsOnHub, pulled, startModelsOnHub } from './models-on-hub.ts';

/** Models, their engines and what is held against their files, put together as compose does it. */
let place: LlamaWorkplace;
let at: ModelsOnHub;
let engines: Engines;

beforeEach(async () => {
  place = await createLlamaWorkplace();
  at = await startModelsOnHub({}, { doubts: createFileDoubts(place.loader.crashes, () => engines) });
  engines = createFleet({
    loaders: [place.loader],
    resolve: (reference, signal) => at.models.resolve(reference, signal),
    clock: systemClock,
    log: silentLog,
    // It would stay for good.
    idleMs: 0,
    defaults: { contextTokens: 512, slots: 2, kvType: 'f16' },
  });
});
afterEach(async () => {
  await engines.close();
  await at.close();
  await place.close();
});

const pirate = join(import.meta.dirname, '../../../cria/adapters/pirate');
const reference = 'owner/tiny-GGUF:q8_0';

async function pullTiny(): Promise<{ sha256: string; blob: string }> {
  const made = await writeTinyGguf(place.folder, { type: 'q8_0', width: 256, layers: 4 });
  at.hub.add({ id: 'owner/tiny-GGUF', files: { 'tiny-Q8_0.gguf': readFileSync(made.path) } });
  const { sha256 } = await pulled(at.models.pull(reference));
  return { sha256, blob: join(at.folder, `models/blobs/sha256-${sha256}.gguf`) };
}

test('a damaged file that was fetched anew is loaded anew, and who used the old one finishes', async () => {
  const { sha256, blob } = await pullTiny();
  const old = await engines.use(reference);
  const sound = readFileSync(blob);
  rmSync(blob);
  writeFileSync(blob, Buffer.from(sound).fill(0, sound.length - 9000, sound.length - 5000));
  place.loader.crashes.doubt(sha256);
  await pulled(at.models.pull(reference));
  expect(readFileSync(blob).equals(sound)).toBe(true);
  const fresh = await engines.use(reference);
  expect(fresh.engine).not.toBe(old.engine);
  const { end } = await answerOf(old.engine.generate(chatRequest('still there?')));
  expect(['stop', 'length']).toContain(end.reason);
  expect(engines.loaded()).toHaveLength(2);
  old.release();
  await old.engine.closed;
  expect(engines.loaded()).toHaveLength(1);
  expect(engines.restarts()).toBe(0);
  fresh.release();
  const again = await engines.use(reference);
  expect(again.engine).toBe(fresh.engine);
  again.release();
});

test('a file that is sound and in use is left alone by somebody who insists', async () => {
  await pullTiny();
  const { engine, release } = await engines.use(reference);
  release();
  await pulled(at.models.pull(reference, { force: true }));
  const again = await engines.use(reference);
  expect(again.engine).toBe(engine);
  again.release();
});

test('a model that was removed is gone for who asks now, finishes what it writes, and leaves memory', async () => {
  await pullTiny();
  const { engine, release } = await engines.use(reference);
  await at.models.remove(reference);
  await expect(engines.use(reference)).rejects.toMatchObject({ code: 'model-unknown' });
  const { end } = await answerOf(engine.generate(chatRequest('still there?')));
  expect(['stop', 'length']).toContain(end.reason);
  release();
  await engine.closed;
  expect(engines.loaded()).toEqual([]);
});

test('an adapter that is added again is there for the next answer', async () => {
  const add = async (): Promise<string> => {
    const last = (await drain(at.models.adapters.add(pirate, { base: 'cria' }))).at(-1);
    return last?.type === 'done' ? last.adapter.sha256 : '';
  };
  const isLoaded = async (): Promise<boolean | undefined> => {
    const { engine, release } = await engines.use('cria');
    release();
    return engine.describe().adapters[0]?.loaded;
  };
  const sha256 = await add();
  const crash = { reason: 'SIGSEGV', isTheFilesFault: true };
  for (const _ of [1, 2]) place.loader.crashes.record(sha256, crash);
  expect(await isLoaded()).toBe(false);
  expect(await add()).toBe(sha256);
  expect(await isLoaded()).toBe(true);
});
