import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';
import { AppError } from '../contracts/app-error.ts';
import type { Log } from '../lib/log.ts';

const key = 'a-right-access-key-0123456789';
let keyed: RunningServer;
const logged: string[] = [];
const log: Log = {
  debug: (fields, message) => logged.push(JSON.stringify([fields, message])),
  info: (fields, message) => logged.push(JSON.stringify([fields, message])),
  warn: (fields, message) => logged.push(JSON.stringify([fields, message])),
  error: (fields, message) => logged.push(JSON.stringify([fields, message])),
  child: () => log,
};

beforeAll(async () => {
  keyed = await startServer({ environment: { CORRAL_ACCESS_KEY: key }, log });
});
afterAll(() => keyed.close());

describe('the access key', () => {
  const withCookie = (cookie: string) => ({ cookie, origin: keyed.address, 'sec-fetch-site': 'same-origin' });

  test('signing in gives a cookie that opens the API; signing out takes it back', async () => {
    const wrong = await keyed.call('POST', '/api/session', { key: 'no' });
    expect([wrong.status, wrong.body]).toMatchObject([401, { error: { code: 'key-refused' } }]);
    const right = await keyed.call('POST', '/api/session', { key });
    const cookie = right.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^corral-\d+=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    expect(cookie).not.toContain(key);
    const [pair = ''] = cookie.split(';');
    expect((await keyed.call('GET', '/api/session', undefined, withCookie(pair))).body).toEqual({
      owner: 'owner',
      by: 'cookie',
    });
    expect((await keyed.call('POST', '/api/chats', {}, withCookie(pair))).status).toBe(201);
    expect((await keyed.call('POST', '/api/chats', {}, { cookie: pair })).status).toBe(403);
    const forged = pair.replace(/=(\d+)\./, (_all, time: string) => `=${Number(time) + 1}.`);
    expect((await keyed.call('GET', '/api/chats', undefined, withCookie(forged))).status).toBe(401);
    const out = await keyed.call('DELETE', '/api/session', undefined, withCookie(pair));
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0');
    // Also where somebody kept it.
    expect((await keyed.call('GET', '/api/session', undefined, withCookie(pair))).status).toBe(401);
    expect(
      (await keyed.call('GET', '/', undefined, { ...withCookie(pair), accept: 'text/html' })).status,
    ).toBe(401);
  });

  test('signing out ends what its browser reads, and nobody else’s, also after a restart', async () => {
    const root = mkdtempSync(join(tmpdir(), 'corral-signed-out-'));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
    const first = await startServer({ root, environment: { CORRAL_ACCESS_KEY: key } });
    const signIn = async (): Promise<Record<string, string>> => {
      const { headers } = await first.call('POST', '/api/session', { key });
      return { cookie: headers.get('set-cookie')?.split(';')[0] ?? '', origin: first.address };
    };
    const [leaving, staying] = [await signIn(), await signIn()];
    const read = async (headers: Record<string, string>) => {
      const { body } = await first.call('POST', '/api/streams', undefined, headers);
      const address = `${first.address}/api/streams/${String(body['streamId'])}`;
      const reader = (await fetch(address, { headers })).body!.getReader();
      await reader.read();
      return reader;
    };
    const [ending, going] = [await read(leaving), await read(staying)];
    expect((await first.call('DELETE', '/api/session', undefined, leaving)).status).toBe(204);
    await expect(ending.read()).rejects.toThrow();
    const stillThere = first.call('GET', '/api/session', undefined, staying).then(({ status }) => status);
    expect(await Promise.race([going.read(), stillThere])).toBe(200);
    await first.close();

    const environment = { CORRAL_ACCESS_KEY: key, PORT: new URL(first.address).port };
    const second = await startServer({ root, environment });
    const status = async (headers: Record<string, string>) =>
      (await second.call('GET', '/api/session', undefined, headers)).status;
    expect([await status(leaving), await status(staying)]).toEqual([401, 200]);
    await second.close();
  });

  test('behind a proxy that speaks https, the cookie is never sent in the clear, and is another server’s in no case', async () => {
    const { port, host } = new URL(keyed.address);
    const origin = `https://${host}`;
    const { headers } = await keyed.call('POST', '/api/session', { key }, { origin });
    const cookie = headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^__Host-[^;]+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=\d+$/);
    expect(cookie).toContain(`__Host-corral-${port}=`);
    const [pair = ''] = cookie.split(';');
    expect((await keyed.call('GET', '/api/session', undefined, { cookie: pair })).status).toBe(200);
    const out = await keyed.call('DELETE', '/api/session', undefined, { cookie: pair, origin });
    expect(out.headers.getSetCookie()).toContainEqual(
      expect.stringMatching(/^__Host-corral-\d+=;.*Secure; Max-Age=0$/),
    );
  });

  test('a bearer key opens it, and so does the local token of the command line', async () => {
    for (const bearer of [key, keyed.localToken]) {
      const { status } = await keyed.call('GET', '/v1/models', undefined, {
        authorization: `Bearer ${bearer}`,
      });
      expect(status).toBe(200);
    }
  });

  test.each(['/', '/index.html', '/chats/some'])(
    'a person without it sees the sign-in page at %s, not the chat; nothing of it needs another file',
    async (path) => {
      const page = await keyed.call('GET', path, undefined, { accept: 'text/html' });
      expect(page.status).toBe(401);
      expect(page.text).toContain('Access key');
      expect(page.text).not.toMatch(/src=|href=/);
    },
  );

  test('whatever is no page is asked for the key, also where there is nothing', async () => {
    const accept = 'text/html';
    for (const path of ['/api/none', '/v1/none', '/metrics', '/api/docs']) {
      const { status, body } = await keyed.call('GET', path, undefined, { accept });
      expect([path, status]).toEqual([path, 401]);
      expect(body).toHaveProperty('error');
    }
    expect((await keyed.call('GET', '/chats/some')).status).toBe(401);
    expect((await keyed.call('POST', '/chats/some', {}, { accept })).status).toBe(401);
  });

  test('too many wrong keys make the address wait, a right one among them too', async () => {
    const guarded = await startServer({ environment: { CORRAL_ACCESS_KEY: key } });
    // A5: nobody changes the address they are counted by with a header.
    let from = 0;
    const attempt = (guess: string) =>
      guarded.call('POST', '/api/session', { key: guess }, { 'x-forwarded-for': `192.0.2.${from++}` });
    for (let count = 0; count < 10; count++) expect((await attempt(`wrong ${count}`)).status).toBe(401);
    const late = await attempt(key);
    expect(late.status).toBe(429);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    const status = async (bearer: string): Promise<number> =>
      (await guarded.call('GET', '/v1/models', undefined, { authorization: `Bearer ${bearer}` })).status;
    expect(await status(key)).toBe(429);
    // Commands of this machine's user go on: behind a proxy everybody's wrong keys come from here.
    expect(await status(guarded.localToken)).toBe(200);
    expect(await status(`${guarded.localToken}x`)).toBe(429);
    await guarded.close();
  });

  test('wrong keys from while the clock was ahead make nobody wait once it is right', async () => {
    let ahead = 365 * 24 * 3_600_000;
    const guarded = await startServer({
      environment: { CORRAL_ACCESS_KEY: key },
      clock: { now: () => Date.now() + ahead },
    });
    onTestFinished(() => guarded.close());
    const attempt = async (guess: string) =>
      (await guarded.call('POST', '/api/session', { key: guess })).status;
    for (let count = 0; count < 10; count++) expect(await attempt(`wrong ${count}`)).toBe(401);
    expect(await attempt(key)).toBe(429);
    ahead = 0;
    expect(await attempt(key)).toBe(204);
  });

  test('no key can be tried on the page, which counts none: only a browser that signed in sees it', async () => {
    const signedIn = await keyed.call('POST', '/api/session', { key });
    const [cookie = ''] = (signedIn.headers.get('set-cookie') ?? '').split(';');
    for (const path of ['/', '/index.html', '/chats/some']) {
      const status = async (headers: Record<string, string>) =>
        (await keyed.call('GET', path, undefined, { accept: 'text/html', ...headers })).status;
      for (const bearer of ['wrong', key, keyed.localToken])
        expect([path, await status({ authorization: `Bearer ${bearer}` })]).toEqual([path, 401]);
      expect([path, await status({ cookie })]).toEqual([path, 200]);
      for (let count = 0; count < 10; count++) await status({ authorization: `Bearer wrong ${count}` });
    }
    expect((await keyed.call('POST', '/api/session', { key })).status).toBe(204);
  });

  test('S3: an address that others reach needs a key', async () => {
    await expect(startServer({ environment: { HOST: '0.0.0.0' } })).rejects.toMatchObject({
      code: 'config-invalid',
    });
    const shared = await startServer({ environment: { HOST: '0.0.0.0', CORRAL_ACCESS_KEY: key } });
    expect((await fetch(shared.address.replace('localhost', '127.0.0.1') + '/api/chats')).status).toBe(401);
    await shared.close();
  });

  test('the key is in no log line and no answer', async () => {
    await keyed.call('GET', `/api/chats?cursor=${key}`, undefined, { authorization: `Bearer ${key}` });
    await keyed.call('GET', '/api/system', undefined, { authorization: `Bearer ${key}` });
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join('\n')).not.toContain(key);
    const system = await keyed.call('GET', '/api/system', undefined, { authorization: `Bearer ${key}` });
    expect(system.text).not.toContain(key);
    expect(JSON.stringify(system.body['locked'])).toContain('accessKey');
  });
});

describe('paths of the machine', () => {
  const asks: [string, object][] = [
    // Whatever an import is given is a path, also what looks like a repository.
    ['/api/model-imports', { path: '/etc/hostname' }],
    ['/api/model-imports', { path: 'x/../../../../etc/hostname' }],
    ['/api/model-imports', { path: 'owner/name' }],
    ['/api/preflight', { reference: '/etc' }],
    ['/api/preflight', { reference: 'owner/base+/etc' }],
    ['/api/pulls', { reference: 'owner/base+../etc*2:q8_0' }],
    ['/api/adapters', { reference: '~/adapter' }],
  ];

  test.each(asks)('are named on the machine itself only: %s %j', async (path, body) => {
    const ask = (bearer: string) =>
      keyed.call('POST', path, body, { authorization: `Bearer ${bearer}` }).then((answer) => answer.text);
    expect(await ask(key)).toContain('Paths can be named on the machine itself only');
    expect(await ask(keyed.localToken)).not.toContain('on the machine itself');
  });

  test('what names none is answered from elsewhere too', async () => {
    const { status } = await keyed.call(
      'POST',
      '/api/pulls',
      { reference: 'owner/base+owner/adapter' },
      { authorization: `Bearer ${key}` },
    );
    expect(status).toBe(202);
  });
});

test('A8: a secret in the words of an error reaches neither log nor answer', async () => {
  const lines: string[] = [];
  const write = (fields: object): void => void lines.push(JSON.stringify(fields));
  const noted: Log = { debug: write, info: write, warn: write, error: write, child: () => noted };
  const failing = async (): Promise<never> => {
    throw new AppError('store-unavailable', `no answer from https://x:${key}@sink.example`);
  };
  const outbox = { status: failing, dead: failing, replay: failing };
  const leaky = await startServer({ environment: { CORRAL_ACCESS_KEY: key }, log: noted, outbox });
  const answer = await leaky.call('GET', '/api/log', undefined, { authorization: `Bearer ${key}` });
  expect([answer.status, answer.text]).toEqual([503, expect.stringContaining('[hidden]')]);
  expect(answer.text).not.toContain(key);
  expect(lines.join('\n')).toContain('[hidden]');
  expect(lines.join('\n')).not.toContain(key);
  await leaky.close();
});
