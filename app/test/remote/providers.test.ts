import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import type { ProviderConfig } from '../../src/config/providers.ts';
import { createProviders, type Providers } from '../../src/engine/remote/providers.ts';
import { defaultDeadlines } from '../../src/engine/remote/remote-provider.ts';
import { createSealer } from '../../src/engine/remote/sealed-key.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { createMask } from '../../src/server/mask-secrets.ts';
import * as fixtures from './service-fixtures.ts';
import { json, startService, type StandInService } from './stand-in-service.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const secret = 'sk-very-secret-key-of-somebody';

/** The registry over a real SQLite file, as compose/parts.ts puts it together. */
async function open(options: { home?: string; configured?: ProviderConfig[]; now?: () => number } = {}) {
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'corral-providers-'));
  const clock = { now: options.now ?? Date.now };
  const store = await createSqliteStore({ home, clock, log: silentLog, reserveBytes: 65_536 });
  const gone: string[] = [];
  const providers: Providers = createProviders({
    configured: options.configured ?? [],
    store,
    sealer: createSealer(join(home, 'seal.key')),
    deadlines: defaultDeadlines,
    ownPorts: () => [],
    clock,
    log: silentLog,
    onGone: async (name) => void gone.push(name),
  });
  await providers.start();
  const close = async (): Promise<void> => {
    await providers.close();
    await store.close();
  };
  return { home, providers, store, gone, close };
}

async function service(handlers: StandInService['handlers'] = {}): Promise<StandInService> {
  const started = await startService({ 'GET /v1/models': json(200, fixtures.vllm.models), ...handlers });
  closing.push(started.close);
  return started;
}

describe('a provider added in the page', () => {
  test('is kept over a restart, with its key sealed and never read back', async () => {
    const { url, seen } = await service();
    const first = await open();
    const saved = await first.providers.save('owner', 'lab', {
      kind: 'openai',
      url: `${url}/v1/`,
      key: secret,
    });
    expect(saved).toMatchObject({
      name: 'lab',
      url: `${url}/v1`,
      hasKey: true,
      locked: false,
      state: 'unknown',
    });
    await first.providers.check('lab');
    const shown = await first.providers.list();
    expect(shown[0]).toMatchObject({ state: 'reachable', models: 1, error: null });
    expect(JSON.stringify(shown)).not.toContain(secret);
    // What hides secrets in logs and errors asks for them each time.
    const mask = createMask(loadConfig({ root: first.home, environment: {} }), () => first.providers.keys());
    expect(mask(`refused: ${secret}`)).toBe('refused: [hidden]');
    await first.close();

    const sealed = readFileSync(join(first.home, 'corral.db'));
    expect(sealed.includes(secret)).toBe(false);
    expect(statSync(join(first.home, 'seal.key')).mode & 0o777).toBe(0o600);

    const again = await open({ home: first.home });
    closing.push(again.close, async () => rmSync(first.home, { recursive: true, force: true }));
    await again.providers.check('lab');
    expect(seen.map(({ authorization }) => authorization)).toEqual([`Bearer ${secret}`, `Bearer ${secret}`]);
  });

  test.each([0, 5])(
    'is asked for its key again where %i bytes are left of the one that sealed it',
    async (bytes) => {
      const { url, seen } = await service();
      const first = await open();
      await first.providers.save('owner', 'lab', { kind: 'openai', url, key: secret });
      await first.close();
      const file = join(first.home, 'seal.key');
      truncateSync(file, bytes);
      const again = await open({ home: first.home });
      closing.push(again.close);
      expect((await again.providers.list())[0]).toMatchObject({
        state: 'failing',
        error: expect.stringContaining('Enter it again') as string,
      });
      const saving = again.providers.save('owner', 'lab', { kind: 'openai', url, key: secret });
      if (bytes > 0) {
        // It may have sealed other keys, so it is not replaced unasked.
        await expect(saving).rejects.toMatchObject({ code: 'file-invalid' });
        return;
      }
      // What a full disk left: it has never sealed anything.
      await saving;
      await again.providers.check('lab');
      expect(seen.at(-1)?.authorization).toBe(`Bearer ${secret}`);
      expect(readdirSync(first.home).filter((name) => name.startsWith('seal.key'))).toEqual(['seal.key']);
      expect(statSync(file)).toMatchObject({ size: 32 });
    },
  );

  test('keeps its key at the same host, and has to be given it again for another', async () => {
    const [here, elsewhere] = [await service(), await service()];
    const { providers, gone, close } = await open();
    closing.push(close);
    await providers.save('owner', 'lab', { kind: 'openai', url: here.url, key: secret });
    await providers.save('owner', 'lab', { kind: 'openai', url: `${here.url}/v1` });
    expect(gone).toEqual(['lab']);
    await providers.check('lab');
    expect(here.seen.at(-1)?.authorization).toBe(`Bearer ${secret}`);
    await expect(
      providers.save('owner', 'lab', { kind: 'openai', url: elsewhere.url }),
    ).rejects.toMatchObject({ code: 'bad-request', details: { field: 'key' } });
    await providers.save('owner', 'lab', { kind: 'openai', url: elsewhere.url, key: null });
    await providers.check('lab');
    expect(elsewhere.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
  });

  test('whose sealed key was moved to another address or machine says so and sends nothing', async () => {
    const { url, seen } = await service();
    const first = await open();
    await first.providers.save('owner', 'lab', { kind: 'openai', url: 'https://api.example', key: secret });
    const [row] = await first.store.listProviders('owner');
    await first.store.saveProvider('owner', { ...row!, url });
    await first.close();
    const again = await open({ home: first.home });
    closing.push(again.close);
    expect((await again.providers.list())[0]).toMatchObject({ state: 'failing', hasKey: true });
    await expect(again.providers.check('lab')).rejects.toMatchObject({ code: 'provider-key-refused' });
    expect(seen).toEqual([]);
    // Nor is it thrown away by a change that says nothing of it: its seal.key may still be brought here.
    const change = again.providers.save('owner', 'lab', { kind: 'openai', url: `${url}/v1` });
    await expect(change).rejects.toMatchObject({ code: 'bad-request', details: { field: 'key' } });
    expect((await again.providers.list())[0]).toMatchObject({ hasKey: true });
  });

  test('is gone when it is removed, or when its row is', async () => {
    const { url } = await service();
    const { providers, store, gone, close } = await open();
    closing.push(close);
    await providers.save('owner', 'lab', { kind: 'openai', url });
    await providers.save('owner', 'other', { kind: 'openai', url });
    await providers.remove('owner', 'lab');
    await store.deleteProvider('owner', 'other');
    expect(await providers.list()).toEqual([]);
    expect(gone).toEqual(['lab', 'other']);
    await expect(providers.remove('owner', 'lab')).rejects.toMatchObject({ code: 'provider-unknown' });
  });
});

describe('a provider of the environment', () => {
  test('is locked, and holds where the page named the same', async () => {
    const { url } = await service();
    const first = await open();
    await first.providers.save('owner', 'lab', { kind: 'tgi', url: 'http://127.0.0.1:9' });
    await first.close();
    const configured = [{ name: 'lab', kind: 'openai', url, key: '' }] as const;
    const { providers, close } = await open({ home: first.home, configured: [...configured] });
    closing.push(close);
    expect(await providers.list()).toMatchObject([
      { name: 'lab', kind: 'openai', locked: true, hasKey: false },
    ]);
    for (const change of [
      providers.save('owner', 'lab', { kind: 'openai', url }),
      providers.remove('owner', 'lab'),
    ])
      await expect(change).rejects.toMatchObject({
        code: 'conflict',
        hint: expect.stringContaining('CORRAL_PROVIDER_LAB_URL') as string,
      });
  });

  test('says what it takes and what not, once that is known', async () => {
    const { url } = await service({ 'GET /info': json(200, fixtures.tgiInformation) });
    const configured: ProviderConfig[] = [
      { name: 'vllm', kind: 'openai', url, key: '' },
      { name: 'tgi', kind: 'tgi', url, key: '' },
      { name: 'hf', kind: 'huggingface', url, key: 'hf_x' },
    ];
    const { providers, close } = await open({ configured });
    closing.push(close);
    const [vllm, tgi, hf] = await providers.list();
    expect(vllm?.capabilities).toBeNull();
    expect(tgi?.capabilities).toMatchObject({ continueAnswer: true, chosenFormats: true });
    expect(hf?.capabilities?.notSampling).toContain('topK');
    const { provider } = await providers.check('vllm');
    expect(provider.capabilities).toMatchObject({ title: 'vLLM', continueAnswer: true });
    expect(provider.capabilities?.sampling).toContain('topK');
    expect(provider.capabilities?.notSampling).toContain('grammar');
  });
});

describe('lists of models', () => {
  test('are kept for minutes, fetched anew behind the old one, and survive a failure', async () => {
    let [now, calls] = [1_000_000, 0];
    const started = await service();
    const list =
      (id: string): StandInService['handlers'][string] =>
      (request, response) => {
        calls += 1;
        return json(200, { data: [{ id }] })(request, response);
      };
    started.handlers['GET /v1/models'] = list('old');
    const configured = [{ name: 'lab', kind: 'openai', url: started.url, key: '' }] as const;
    const { providers, close } = await open({ configured: [...configured], now: () => now });
    closing.push(close);
    const ids = async (): Promise<string[]> => (await providers.models()).map(({ id }) => id);
    expect([await ids(), await ids(), calls]).toEqual([['lab:old'], ['lab:old'], 1]);
    started.handlers['GET /v1/models'] = list('new');
    now += 10 * 60_000;
    expect(await ids()).toEqual(['lab:old']);
    await expect.poll(ids).toEqual(['lab:new']);
    started.handlers['GET /v1/models'] = json(500, {});
    now += 10 * 60_000;
    await ids();
    await expect.poll(async () => (await providers.list())[0]?.state).toBe('failing');
    expect(await ids()).toEqual(['lab:new']);
  });

  test('a list from while the clock was ahead is fetched anew once it is right', async () => {
    let now = 1_000_000_000;
    const started = await service({ 'GET /v1/models': json(200, { data: [{ id: 'old' }] }) });
    const configured = [{ name: 'lab', kind: 'openai', url: started.url, key: '' }] as const;
    const { providers, close } = await open({ configured: [...configured], now: () => now });
    closing.push(close);
    const ids = async (): Promise<string[]> => (await providers.models('lab')).map(({ id }) => id);
    expect(await ids()).toEqual(['lab:old']);
    started.handlers['GET /v1/models'] = json(200, { data: [{ id: 'new' }] });
    now -= 3_600_000;
    await expect.poll(ids).toEqual(['lab:new']);
  });

  test('whoever was given none, or the old one, hears when there is another', async () => {
    let now = 1_000_000;
    let answer = (): void => undefined;
    const started = await service({
      'GET /v1/models': async (request, response) => {
        await new Promise<void>((resolve) => (answer = resolve));
        await json(200, { data: [{ id: 'slow' }] })(request, response);
      },
    });
    const configured = [{ name: 'lab', kind: 'openai', url: started.url, key: '' }] as const;
    const { providers, close } = await open({ configured: [...configured], now: () => now });
    closing.push(close);
    let heard = 0;
    const stop = providers.onChange(() => (heard += 1));
    expect(await providers.models()).toEqual([]);
    answer();
    await expect.poll(() => heard).toBe(1);
    expect(await providers.models()).toEqual([{ id: 'lab:slow', provider: 'lab' }]);
    // The same list again is no news.
    const renew = async (id: string): Promise<void> => {
      started.handlers['GET /v1/models'] = json(200, { data: [{ id }] });
      now += 10 * 60_000;
      await providers.models('lab');
    };
    await renew('slow');
    await expect.poll(() => started.seen.length).toBe(2);
    await renew('quick');
    await expect.poll(() => heard).toBe(2);
    expect(await providers.models()).toEqual([{ id: 'lab:quick', provider: 'lab' }]);
    stop();
    await renew('unheard');
    await expect.poll(async () => (await providers.models()).length > 0 && started.seen.length).toBe(4);
    expect(heard).toBe(2);
  });

  test('of all services leave out those that do not answer; of one, it says why', async () => {
    const started = await service();
    const configured: ProviderConfig[] = [
      { name: 'good', kind: 'openai', url: started.url, key: '' },
      { name: 'bad', kind: 'openai', url: 'http://127.0.0.1:9', key: '' },
    ];
    const { providers, close } = await open({ configured });
    closing.push(close);
    expect(await providers.models()).toEqual([{ id: `good:${fixtures.vllm.model}`, provider: 'good' }]);
    await expect(providers.models('bad')).rejects.toMatchObject({ code: 'provider-unreachable' });
    await expect(providers.models('none')).rejects.toMatchObject({ code: 'provider-unknown' });
  });
});
