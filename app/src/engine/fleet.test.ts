import { describe, expect, test } from 'vitest';
import { silentLog } from '../lib/log.ts';
import { answerOf, chatRequest } from './contract/answers.ts';
import type { EngineLoader, MemoryEstimate, ModelSource } from './engine.ts';
import { createFleet, type Engines, type FleetOptions } from './fleet.ts';
import { createScriptedLoader } from './scripted/scripted-loader.ts';
import type { Script } from './scripted/script.ts';

const source = (id: string): ModelSource => ({ kind: 'scripted', id });

interface Counted extends EngineLoader {
  loads: string[];
}

/** The scripted loader, counting; each model takes one of `rooms` places in memory. */
function countingLoader(script: Script, inMemory: () => number, rooms = 99): Counted {
  const loader = createScriptedLoader(script);
  const loads: string[] = [];
  const estimate = (): MemoryEstimate => ({
    fit: inMemory() < rooms ? 'fits' : 'will-not-fit',
    weightsBytes: 2 ** 30,
    repackedBytes: 0,
    kvBytes: 0,
    computeBytes: 0,
    totalBytes: 2 ** 30,
    availableBytes: 2 ** 29,
    wouldFit: { contextTokens: 512 },
  });
  return {
    kind: 'scripted',
    loads,
    estimate: async () => estimate(),
    load: (wanted, options) => {
      loads.push(wanted.id);
      return loader.load(wanted, options);
    },
  };
}

function start(
  script: Script = {},
  more: Partial<FleetOptions> & { rooms?: number } = {},
): { fleet: Engines; loader: Counted } {
  const loader: Counted = countingLoader(
    script,
    () => fleet.loaded().filter((one) => one.state === 'loaded').length,
    more.rooms,
  );
  const fleet: Engines = createFleet({
    loaders: [loader],
    resolve: async (reference) => source(reference),
    clock: { now: () => Date.now() },
    log: silentLog,
    idleMs: 0,
    ...more,
  });
  return { fleet, loader };
}

describe('which models are in memory', () => {
  test('who listens hears of a load begun and done, of leaving by idleness, and nothing afterwards', async () => {
    const { fleet } = start({ loadMs: 20 }, { idleMs: 20 });
    const heard: string[] = [];
    const stop = fleet.onChange(() => heard.push(fleet.loaded()[0]?.state ?? 'gone'));
    const { release } = await fleet.use('sleepy');
    expect(heard).toEqual(['loading', 'loaded']);
    release();
    await expect.poll(() => heard).toEqual(['loading', 'loaded', 'gone']);
    stop();
    await fleet.use('again');
    expect(heard).toHaveLength(3);
    await fleet.close();
  });

  test('64 cold requests make one load and 64 answers', async () => {
    const { fleet, loader } = start({ loadMs: 20 });
    const texts = await Promise.all(
      Array.from({ length: 64 }, async (_, index) => {
        const { engine, release } = await fleet.use('cold');
        const { text } = await answerOf(engine.generate(chatRequest(`q${index}`)));
        release();
        return text;
      }),
    );
    expect(loader.loads).toEqual(['cold']);
    expect(texts.every((text) => text !== '')).toBe(true);
    await fleet.close();
  });

  test('when loading fails, all who waited hear why, and the next request tries again', async () => {
    let error: Error | null = new Error('no such luck');
    const { fleet, loader } = start({ loadError: () => error });
    const outcomes = await Promise.allSettled([fleet.use('x'), fleet.use('x'), fleet.use('x')]);
    expect(outcomes.every((outcome) => outcome.status === 'rejected')).toBe(true);
    expect(fleet.lastError('x')?.message).toBe('no such luck');
    error = null;
    (await fleet.use('x')).release();
    expect(loader.loads).toHaveLength(2);
    expect(fleet.lastError('x')).toBeNull();
    await fleet.close();
  });

  test('aborting stops waiting only; the load goes on for the others', async () => {
    const { fleet } = start({ loadMs: 40 });
    const controller = new AbortController();
    const left = fleet.use('x', {}, controller.signal);
    const stays = fleet.use('x');
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    expect((await stays).engine.source.id).toBe('x');
    await fleet.close();
  });

  test('a load that nobody waits for any more is stopped', async () => {
    const { fleet } = start({ loadMs: 10_000 });
    const controller = new AbortController();
    const left = fleet.use('x', {}, controller.signal);
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    await expect.poll(() => fleet.loaded()).toEqual([]);
  });

  test('a load that is being stopped is not joined: who asks next has a load of its own', async () => {
    const { fleet, loader } = start({ loadMs: 30 });
    const controller = new AbortController();
    const left = fleet.use('x', {}, controller.signal);
    await expect.poll(() => loader.loads).toEqual(['x']);
    controller.abort();
    const next = fleet.use('x');
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    expect((await next).engine.source.id).toBe('x');
    expect(loader.loads).toEqual(['x', 'x']);
    await fleet.close();
  });

  test('a loader that does not hear that it is stopped holds nobody up', async () => {
    const scripted = createScriptedLoader({ loadMs: 200 });
    let loads = 0;
    const deaf: EngineLoader = {
      ...scripted,
      load: (wanted, { onProgress }) => {
        loads++;
        return scripted.load(wanted, onProgress ? { onProgress } : {});
      },
    };
    const { fleet } = start({}, { loaders: [deaf] });
    const controller = new AbortController();
    const left = fleet.use('x', {}, controller.signal);
    await expect.poll(() => loads).toBe(1);
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    const { engine } = await fleet.use('x');
    expect((await answerOf(engine.generate(chatRequest('here?')))).text).not.toBe('');
    expect(loads).toBe(2);
    await fleet.close();
  });

  test('who leaves before the model was asked for leaves what is loaded as it is', async () => {
    const { fleet, loader } = start({ loadMs: 5 });
    (await fleet.use('x')).release();
    await expect(fleet.use('x', {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    (await fleet.use('x')).release();
    expect(loader.loads).toEqual(['x']);
    await fleet.close();
  });

  test('a load that is stopped in the queue is gone at once, and loads stay one at a time', async () => {
    const { fleet, loader } = start({ loadMs: 60 });
    const first = fleet.use('first');
    const controller = new AbortController();
    const left = fleet.use('second', {}, controller.signal);
    controller.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    await expect.poll(() => fleet.loaded().map((model) => model.id)).toEqual(['first']);
    const third = fleet.use('third');
    await first;
    expect(loader.loads).toEqual(['first']);
    await third;
    expect(loader.loads).toEqual(['first', 'third']);
    await fleet.close();
  });

  test('a model that leaves memory is loaded anew for who asks meanwhile', async () => {
    const { fleet, loader } = start({ loadMs: 5 });
    (await fleet.use('x')).release();
    const leaving = fleet.unload('x');
    const { engine } = await fleet.use('x');
    await leaving;
    expect((await answerOf(engine.generate(chatRequest('still there?')))).text).not.toBe('');
    expect(loader.loads).toEqual(['x', 'x']);
    await fleet.close();
  });

  test('an idle model leaves the memory, one in use does not', async () => {
    const { fleet } = start({}, { idleMs: 30 });
    const used = await fleet.use('used');
    (await fleet.use('idle')).release();
    await expect.poll(() => fleet.loaded().map((model) => model.id)).toEqual(['used']);
    used.release();
    used.release();
    await expect.poll(() => fleet.loaded()).toEqual([]);
  });

  test('the longest unused model makes room for another', async () => {
    let now = 1000;
    const { fleet } = start({}, { rooms: 2, clock: { now: () => now++ } });
    for (const id of ['a', 'b', 'a']) (await fleet.use(id)).release();
    (await fleet.use('c')).release();
    expect(fleet.loaded().map((model) => model.id)).toEqual(['a', 'c']);
    await fleet.close();
  });

  test('a model waits for room while all others are in use', async () => {
    const { fleet } = start({}, { rooms: 1 });
    const first = await fleet.use('a');
    const waiting = fleet.use('b');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fleet.loaded().map((model) => [model.id, model.state])).toEqual([
      ['a', 'loaded'],
      ['b', 'loading'],
    ]);
    first.release();
    expect((await waiting).engine.source.id).toBe('b');
    await fleet.close();
  });

  test('a model that can never fit is refused with what would', async () => {
    const { fleet } = start({}, { rooms: 0 });
    await expect(fleet.use('big')).rejects.toMatchObject({
      code: 'model-does-not-fit',
      hint: 'It would fit with a context of 512 tokens.',
    });
  });

  test('a crashed engine is loaded anew for the next request', async () => {
    const { fleet, loader } = start();
    const lease = await fleet.use('x');
    const { end } = await answerOf(lease.engine.generate(chatRequest('/crash 1')));
    expect(end.reason).toBe('interrupted');
    lease.release();
    (await fleet.use('x')).release();
    expect(loader.loads).toHaveLength(2);
    expect(fleet.restarts()).toBe(1);
    await fleet.close();
  });

  test('unloading goes by id or reference', async () => {
    const { fleet } = start();
    (await fleet.use('a')).release();
    (await fleet.use('b')).release();
    expect(await fleet.unload('a')).toBe(true);
    expect(await fleet.unload('a')).toBe(false);
    expect(fleet.restarts()).toBe(0);
    await fleet.close();
    await expect(fleet.use('a')).rejects.toMatchObject({ code: 'shutting-down' });
  });
});
