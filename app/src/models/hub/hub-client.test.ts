import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalHub, startLocalHub } from '../../../test/hub/local-hub.ts';
import { silentLog } from '../../lib/log.ts';
import { createHttpClient, type HttpClient } from '../../net/http-client.ts';
import { createHubClient, type HubClient } from './hub-client.ts';

const quick = { attempts: 4, baseMs: 1, capMs: 4, maxRetryAfterMs: 2000 };

describe('the Hub client', () => {
  let hub: LocalHub;
  let http: HttpClient;
  const clientWith = (token = '', offline = false): HubClient =>
    createHubClient({ endpoint: hub.endpoint, token, offline, client: http, retry: quick });

  beforeEach(async () => {
    hub = await startLocalHub({
      tokens: ['hf_granted', 'hf_other'],
      pageSize: 2,
      repositories: [
        {
          id: 'owner/open',
          licence: 'apache-2.0',
          baseModel: 'owner/base',
          files: {
            'config.json': '{}',
            'sub/a b.json': '[]',
            'model.safetensors': 'weights',
            'README.md': 'hello',
          },
        },
        { id: 'owner/gated', gated: 'manual', granted: ['hf_granted'], files: { 'config.json': '{}' } },
        { id: 'owner/private', isPrivate: true, granted: ['hf_granted'], files: { 'config.json': '{}' } },
      ],
    });
    http = createHttpClient({ allowedHosts: hub.hosts, log: silentLog });
  });

  afterEach(async () => {
    await http.close();
    await hub.close();
  });

  it('pins a revision to its commit and lists the files of that commit over all pages', async () => {
    const client = clientWith();
    const snapshot = await client.snapshot({ id: 'owner/open' });
    expect(snapshot).toMatchObject({
      licence: 'apache-2.0',
      baseModel: 'owner/base',
      isGated: false,
      revision: 'main',
    });
    expect(snapshot.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(snapshot.files.map(({ path }) => path)).toEqual([
      'config.json',
      'sub/a b.json',
      'model.safetensors',
      'README.md',
    ]);
    hub.add({ id: 'owner/open', files: { 'config.json': '{"new":1}' } });
    expect((await client.snapshot({ id: 'owner/open' })).commit).not.toBe(snapshot.commit);
    const pinned = await client.snapshot({ id: 'owner/open', revision: snapshot.commit });
    expect(pinned.files).toEqual(snapshot.files);
  });

  it('reads small files, checked, from the Hub itself and from its store', async () => {
    const client = clientWith('hf_granted');
    const snapshot = await client.snapshot({ id: 'owner/open' });
    const read = async (path: string): Promise<string> => {
      const file = snapshot.files.find((entry) => entry.path === path);
      return (await client.bytes(snapshot, file as NonNullable<typeof file>)).toString();
    };
    expect(await read('sub/a b.json')).toBe('[]');
    expect(await read('model.safetensors')).toBe('weights');
    const seen = hub.requests.map(({ origin, headers }) => `${origin} ${headers.authorization}`);
    expect(new Set(seen)).toEqual(new Set(['hub Bearer hf_granted', 'store undefined']));
    hub.misbehave({ match: /config\.json/, act: { kind: 'corrupt' } });
    await expect(read('config.json')).rejects.toMatchObject({ code: 'hash-mismatch' });
  });

  it('says which page to open and how to give a token before anything is fetched', async () => {
    for (const [token, code, words] of [
      ['', 'hub-gated', /set HF_TOKEN in .env and start Corral again/],
      ['hf_other', 'hub-gated', /accept the licence/],
      ['hf_wrong', 'hub-token-refused', /settings\/tokens/],
    ] as const) {
      const client = clientWith(token);
      const check = async (): Promise<void> => {
        const snapshot = await client.snapshot({ id: 'owner/gated' });
        await client.checkAccess(snapshot, snapshot.files[0] as NonNullable<(typeof snapshot.files)[0]>);
      };
      const failure = await check().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code, details: { page: `${hub.endpoint}/owner/gated` } });
      expect((failure as { hint: string }).hint).toMatch(words);
    }
    const granted = clientWith('hf_granted');
    const snapshot = await granted.snapshot({ id: 'owner/gated' });
    await granted.checkAccess(snapshot, snapshot.files[0] as NonNullable<(typeof snapshot.files)[0]>);
  });

  it.each([
    ['new/name', '', 'hub-gated', /no token was given/],
    ['old/name', '', 'hub-gated', /no token was given/],
    ['new/name', 'hf_other', 'hub-token-refused', /: Please enable access to public gated/],
  ] as const)(
    'asked for %s with token %j, says %s when access is checked as when it is read',
    async (id, token, code, message) => {
      hub.add({
        id: 'new/name',
        renamedFrom: 'old/name',
        gated: 'auto',
        limited: ['hf_other'],
        files: { 'model.safetensors': 'weights' },
      });
      const client = clientWith(token);
      const snapshot = await client.snapshot({ id });
      const file = snapshot.files[0] as NonNullable<(typeof snapshot.files)[0]>;
      await expect(client.checkAccess(snapshot, file)).rejects.toMatchObject({ code, message });
      await expect(client.source(snapshot, file).read(0, 4)).rejects.toMatchObject({ code, message });
    },
  );

  it.each([
    [{ id: 'owner/missing' }, '', 'hub-not-found'],
    [{ id: 'owner/private' }, '', 'hub-not-found'],
    [{ id: 'owner/private' }, 'hf_other', 'hub-not-found'],
    [{ id: 'owner/open', revision: 'no-such-branch' }, '', 'hub-not-found'],
  ] as const)('%j with token %j: %s', async (repository, token, code) => {
    await expect(clientWith(token).snapshot(repository)).rejects.toMatchObject({ code });
  });

  it('tries again after 429 and 5xx, as long as asked, and gives up with a reason', async () => {
    const waits: number[] = [];
    const onRetry = (notice: { waitMs: number }): void => void waits.push(notice.waitMs);
    hub.misbehave({
      match: /^hub/,
      times: 1,
      act: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    });
    hub.misbehave({ match: /^hub/, times: 1, act: { kind: 'status', status: 503 } });
    await clientWith().snapshot({ id: 'owner/open' }, { onRetry });
    expect(waits).toHaveLength(2);
    expect(waits[0]).toBe(1000);
    hub.misbehave({
      match: /^hub/,
      times: 1,
      act: { kind: 'status', status: 429, headers: { 'retry-after': '9999' } },
    });
    await expect(clientWith().snapshot({ id: 'owner/open' })).rejects.toMatchObject({ code: 'hub-failed' });
    hub.misbehave({ match: /^hub/, act: { kind: 'status', status: 500 } });
    await expect(clientWith().snapshot({ id: 'owner/open' })).rejects.toMatchObject({
      code: 'hub-failed',
      details: { status: 500 },
    });
  });

  it('waits for a file as long as the Hub says that its limit holds', async () => {
    const client = clientWith();
    const snapshot = await client.snapshot({ id: 'owner/open' });
    const file = snapshot.files.find(({ path }) => path === 'model.safetensors');
    const waits: number[] = [];
    const onRetry = (notice: { waitMs: number }): void => void waits.push(notice.waitMs);
    const headers = { ratelimit: '"resolvers";r=0;t=1', 'ratelimit-policy': '"resolvers";q=3000;w=300' };
    hub.misbehave({ match: /resolve/, times: 1, act: { kind: 'status', status: 429, headers } });
    const source = client.source(snapshot, file as NonNullable<typeof file>, { onRetry });
    expect(Buffer.from(await source.read(0, 7)).toString()).toBe('weights');
    expect(waits).toEqual([1000]);
  });

  it('says offline, by setting and by network', async () => {
    await expect(clientWith('', true).snapshot({ id: 'owner/open' })).rejects.toMatchObject({
      code: 'hub-unreachable',
      details: { offline: true },
    });
    expect(hub.requests).toHaveLength(0);
    await hub.close();
    await expect(clientWith().snapshot({ id: 'owner/open' })).rejects.toMatchObject({
      code: 'hub-unreachable',
    });
  });

  it.each([
    ['an endless answer', { kind: 'endless' }, 'answer-too-large'],
    ['a commit that is a path', { kind: 'json', body: { id: 'a/b', sha: '../../etc' } }, 'hub-failed'],
    ['another form', { kind: 'json', body: [] }, 'hub-failed'],
    [
      'a redirect into this machine',
      { kind: 'redirect', location: 'http://127.0.0.1:1/x' },
      'address-refused',
    ],
  ] as const)('survives %s', async (_what, act, code) => {
    hub.misbehave({ match: /revision/, act });
    await expect(clientWith('hf_granted').snapshot({ id: 'owner/open' })).rejects.toMatchObject({ code });
  });

  it('keeps the token at its own origin whatever redirects, look-alikes and challenges say', async () => {
    const seen: { host: string; token: string | undefined }[] = [];
    const other = createServer((request, response) => {
      seen.push({ host: request.headers.host ?? '', token: request.headers.authorization });
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${hub.endpoint}/token"` }).end('{}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const targets = [
      `http://127.0.0.1:${port}/x`,
      `http://localhost:${port}/x`,
      `http://user@127.0.0.1:${port}/x`,
    ];
    const lenient = createHttpClient({ allowedHosts: ['127.0.0.1', 'localhost'], log: silentLog });
    const client = createHubClient({
      endpoint: hub.endpoint,
      token: 'hf_granted',
      offline: false,
      client: lenient,
      retry: quick,
    });
    for (const location of targets) {
      hub.misbehave({ match: /revision/, times: 1, act: { kind: 'redirect', location } });
      await expect(client.snapshot({ id: 'owner/open' })).rejects.toMatchObject({
        code: expect.stringMatching(/hub|address-refused/) as string,
      });
    }
    expect(seen.map(({ host }) => host)).toEqual([`127.0.0.1:${port}`, `localhost:${port}`]);
    expect(seen.every(({ token }) => token === undefined)).toBe(true);
    expect(hub.requests.every(({ path }) => !path.includes('token'))).toBe(true);
    await lenient.close();
    other.close();
  });

  it('leaves out file names that are not plain paths, and pages that are elsewhere', async () => {
    const names = [
      '../evil',
      'a/..%2fevil.txt',
      '/etc/passwd',
      'a\\b',
      'a//b',
      './x',
      'x/..',
      'nul\0',
      'a%2e',
      'x/',
    ];
    hub.add({
      id: 'owner/hostile',
      files: { 'good.json': '{}', ...Object.fromEntries(names.map((name) => [name, 'x'])) },
    });
    const snapshot = await clientWith().snapshot({ id: 'owner/hostile' });
    expect(snapshot.files.map(({ path }) => path)).toEqual(['good.json']);
    hub.misbehave({
      match: /tree/,
      act: {
        kind: 'status',
        status: 200,
        headers: { link: '<http://evil.example/>; rel="next"' },
        body: '[]',
      },
    });
    await expect(clientWith().snapshot({ id: 'owner/open' })).rejects.toMatchObject({ code: 'hub-failed' });
  });
});
