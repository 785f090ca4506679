import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../lib/log.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';

interface Seen {
  url: string;
  method: string;
  headers: IncomingHttpHeaders;
  body: string;
}

async function listen(handler: RequestListener): Promise<{ server: Server; origin: string }> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
}

describe('the outbound client', () => {
  let seen: Seen[] = [];
  let home: Awaited<ReturnType<typeof listen>>;
  let elsewhere: Awaited<ReturnType<typeof listen>>;
  let client: HttpClient;

  const behaviours: Record<string, RequestListener> = {
    '/json': (_request, response) => response.end('{"ok":true}'),
    '/html': (_request, response) => response.end('<html>'),
    '/cross': (_request, response) =>
      response.writeHead(302, { location: `${elsewhere.origin}/landed` }).end('body'),
    '/relative': (_request, response) => response.writeHead(307, { location: 'json' }).end(),
    '/loop': (_request, response) => response.writeHead(302, { location: '/loop' }).end(),
    '/badly': (_request, response) => response.writeHead(302, { location: 'http://' }).end(),
    '/inside': (_request, response) =>
      response.writeHead(302, { location: 'https://169.254.169.254/latest' }).end(),
    '/plain': (_request, response) => response.writeHead(302, { location: 'http://example.com/' }).end(),
    '/endless': (_request, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    },
    '/bomb': (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50 << 20))),
    '/gzip': (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('packed')),
    '/strange': (_request, response) => response.writeHead(200, { 'content-encoding': 'rot13' }).end('x'),
    '/drip': (_request, response) => {
      const timer = setInterval(() => response.write('.'), 30);
      response.once('close', () => clearInterval(timer));
    },
    '/silent': () => undefined,
    '/stall': (_request, response) => response.write('start'),
    '/cut': (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    },
  };

  const handler: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = request.url ?? '';
      seen.push({
        url,
        method: request.method ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      const act = behaviours[url] ?? ((_request, answer) => answer.end('landed'));
      act(request, response);
    });
  };

  beforeAll(async () => {
    home = await listen(handler);
    elsewhere = await listen(handler);
    client = createHttpClient({ allowedHosts: ['127.0.0.1'], log: silentLog });
  });

  afterAll(async () => {
    await client.close();
    home.server.closeAllConnections();
    elsewhere.server.closeAllConnections();
    home.server.close();
    elsewhere.server.close();
  });

  it('starts from no headers and gives back what came', async () => {
    seen = [];
    const response = await client.request(`${home.origin}/json`, { headers: { Accept: 'application/json' } });
    expect(await response.json()).toEqual({ ok: true });
    expect(Object.keys(seen[0]?.headers ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'user-agent',
    ]);
  });

  it('sends secrets to the origins they belong to, and nothing of them after a redirect elsewhere', async () => {
    seen = [];
    const response = await client.request(`${home.origin}/cross`, {
      headers: { 'x-api-key': 'k', cookie: 'c=1', range: 'bytes=0-1' },
      secretHeaders: { headers: { Authorization: 'Bearer hf_secret' }, origins: [home.origin] },
    });
    expect(await response.text()).toBe('landed');
    expect(response.url.href).toBe(`${elsewhere.origin}/landed`);
    expect(response.redirects).toHaveLength(1);
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer hf_secret', 'x-api-key': 'k' });
    expect(Object.keys(seen[1]?.headers ?? {}).sort()).toEqual([
      'accept-encoding',
      'connection',
      'host',
      'range',
      'user-agent',
    ]);
  });

  it('keeps a secret to itself when only another origin owns it', async () => {
    seen = [];
    const response = await client.request(`${home.origin}/json`, {
      secretHeaders: {
        headers: { authorization: 'Bearer hf_secret' },
        origins: [`${home.origin}.evil.example`],
      },
    });
    await response.discard();
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  it('follows a relative redirect and hands one over where asked', async () => {
    expect(await (await client.request(`${home.origin}/relative`)).json()).toEqual({ ok: true });
    const kept = await client.request(`${home.origin}/relative`, { redirects: 'return' });
    expect([kept.status, kept.headers['location']]).toEqual([307, 'json']);
    await kept.discard();
  });

  it.each([
    ['/loop', 'redirect-refused'],
    ['/badly', 'redirect-refused'],
    ['/inside', 'address-refused'],
    ['/plain', 'address-refused'],
  ])('%s ends with %s', async (path, code) => {
    await expect(client.request(home.origin + path)).rejects.toMatchObject({ code });
  });

  it('never repeats at another place what changes something', async () => {
    seen = [];
    await expect(
      client.request(`${home.origin}/cross`, { method: 'POST', body: 'chat text' }),
    ).rejects.toMatchObject({ code: 'redirect-refused' });
    expect(seen.map(({ url }) => url)).toEqual(['/cross']);
  });

  it('sends a streamed body', async () => {
    seen = [];
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one ');
      yield Buffer.from('two');
    }
    await (await client.request(`${home.origin}/x`, { method: 'POST', body: body() })).discard();
    expect(seen[0]?.body).toBe('one two');
  });

  it.each([
    ['/endless', 'answer-too-large'],
    ['/bomb', 'answer-too-large'],
    ['/cut', 'network-failed'],
    ['/stall', 'timed-out'],
    ['/drip', 'timed-out'],
    ['/strange', 'network-failed'],
  ])('reading %s ends with %s', async (path, code) => {
    const response = await client.request(home.origin + path, {
      maxBytes: 1 << 20,
      timeouts: { idleMs: path === '/drip' ? 600 : 300 },
    });
    await expect(response.bytes()).rejects.toMatchObject({ code });
  });

  it('unpacks gzip and refuses what is not JSON', async () => {
    expect(await (await client.request(`${home.origin}/gzip`)).text()).toBe('packed');
    await expect((await client.request(`${home.origin}/html`)).json()).rejects.toMatchObject({
      code: 'network-failed',
    });
  });

  it('gives up on a server that never answers, and on one that is not there', async () => {
    await expect(
      client.request(`${home.origin}/silent`, { timeouts: { headersMs: 300 } }),
    ).rejects.toMatchObject({ code: 'timed-out' });
    await expect(
      client.request(`${home.origin}/silent`, { timeouts: { totalMs: 200 } }),
    ).rejects.toMatchObject({ code: 'timed-out' });
    await expect(client.request('http://127.0.0.1:1/')).rejects.toMatchObject({
      code: 'network-failed',
      details: { offline: false },
    });
  });

  it('says offline when names cannot be resolved', async () => {
    const offline = createHttpClient({
      allowedHosts: [],
      log: silentLog,
      lookup: (_host, _options, callback) =>
        callback(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }), []),
    });
    await expect(offline.request('https://huggingface.co/api')).rejects.toMatchObject({
      code: 'network-failed',
      details: { offline: true },
    });
    await offline.close();
  });

  it('is cancelled by its signal, before the answer and inside the body', async () => {
    const early = new AbortController();
    const waiting = client.request(`${home.origin}/silent`, { signal: early.signal });
    setTimeout(() => early.abort(), 30);
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    const late = new AbortController();
    const response = await client.request(`${home.origin}/endless`, {
      signal: late.signal,
      maxBytes: 2 ** 40,
    });
    const reading = (async () => {
      for await (const _chunk of response.body) late.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
});
