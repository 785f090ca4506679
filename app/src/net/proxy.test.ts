import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../lib/log.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';
import type { ProxySettings } from './http-sender.ts';

/** A proxy that takes every name for this machine, as one in a company knows names that nobody else does. */
let proxy: Server;
let target: Server;
let seen: { line: string; authorization: string | undefined }[] = [];
let refusal = 0;
const clients: HttpClient[] = [];

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const listen = (server: Server): Promise<void> =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

function note(incoming: IncomingMessage): void {
  const authorization = incoming.headers['proxy-authorization'];
  seen.push({ line: `${incoming.method} ${incoming.url}`, authorization });
}

beforeAll(async () => {
  target = createServer((incoming, response) => response.end(`${incoming.headers.host}${incoming.url}`));
  proxy = createServer((incoming, response) => {
    note(incoming);
    if (refusal !== 0) return response.writeHead(refusal).end();
    const { pathname, host } = new URL(incoming.url ?? '');
    const onward = { port: portOf(target), path: pathname, headers: { ...incoming.headers, host } };
    incoming.pipe(
      request(onward, (found) => {
        response.writeHead(found.statusCode ?? 500, found.headers);
        found.pipe(response);
      }),
    );
  });
  proxy.on('connect', (incoming, socket) => {
    note(incoming);
    if (refusal !== 0) return socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
    const onward = connect(portOf(target), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  await Promise.all([listen(target), listen(proxy)]);
});

beforeEach(() => {
  seen = [];
  refusal = 0;
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

afterAll(() => {
  proxy.close();
  target.close();
});

function open(settings: Partial<ProxySettings> = {}, allowedHosts: string[] = []): HttpClient {
  const own = `http://corral:p%40ss@127.0.0.1:${portOf(proxy)}`;
  const client = createHttpClient({
    allowedHosts,
    log: silentLog,
    proxy: { httpsProxy: own, httpProxy: own, noProxy: [], ...settings },
  });
  clients.push(client);
  return client;
}

describe('through a proxy', () => {
  test('a plain address that the operator named is asked for by its whole name', async () => {
    const answer = await open({}, ['gpu.lab']).request('http://gpu.lab/v1/models');
    expect(await answer.text()).toBe('gpu.lab/v1/models');
    expect(seen).toEqual([
      { line: 'GET http://gpu.lab/v1/models', authorization: `Basic ${btoa('corral:p@ss')}` },
    ]);
  });

  test('an https address gets a tunnel, in which the proxy reads and answers nothing', async () => {
    // What answers in this tunnel speaks no TLS, so nothing may be believed of it.
    await expect(open().request('https://hub.example/api')).rejects.toMatchObject({
      code: 'network-failed',
    });
    expect(seen).toEqual([
      { line: 'CONNECT hub.example:443', authorization: `Basic ${btoa('corral:p@ss')}` },
    ]);
  });

  test('this machine and what NO_PROXY names are asked without it', async () => {
    const client = open({ noProxy: ['.lab'] }, ['127.0.0.1', 'gpu.lab']);
    const own = `http://127.0.0.1:${portOf(target)}/near`;
    expect(await (await client.request(own)).text()).toContain('/near');
    await expect(client.request('http://gpu.lab/v1/models')).rejects.toThrow('its name is not known here');
    expect(seen).toEqual([]);
  });

  test('what is refused without a proxy never reaches it', async () => {
    const client = open();
    for (const address of [
      'https://169.254.169.254/latest',
      'https://[::ffff:10.0.0.1]/',
      'https://metadata.google.internal/',
      'http://hub.example/plain',
    ]) {
      await expect(client.request(address)).rejects.toMatchObject({ code: 'address-refused' });
    }
    expect(seen).toEqual([]);
  });

  test.each([407, 502])('a proxy that says %i is named as the place to look at', async (status) => {
    refusal = status;
    await expect(open().request('https://hub.example/')).rejects.toMatchObject({
      code: 'network-failed',
      message: expect.stringContaining(`its proxy answered ${status}`) as string,
      hint: expect.stringContaining('HTTPS_PROXY') as string,
    });
  });

  test('one of a kind that is not spoken here is refused by name, and what is asked without it goes on', async () => {
    const foreign = `socks5://127.0.0.1:${portOf(proxy)}`;
    const client = open({ httpsProxy: foreign, httpProxy: foreign }, ['127.0.0.1', 'gpu.lab']);
    for (const address of ['https://hub.example/', 'http://gpu.lab/v1/models']) {
      await expect(client.request(address)).rejects.toMatchObject({
        code: 'network-failed',
        message: expect.stringContaining('socks5://') as string,
        hint: expect.stringContaining('HTTPS_PROXY') as string,
      });
    }
    expect(await (await client.request(`http://127.0.0.1:${portOf(target)}/near`)).text()).toContain('/near');
    expect(seen).toEqual([]);
    // Plain addresses have a proxy that is spoken.
    const half = open({ httpsProxy: foreign }, ['gpu.lab']);
    expect(await (await half.request('http://gpu.lab/v1/models')).text()).toBe('gpu.lab/v1/models');
  });

  test('a proxy that is not there is named as well', async () => {
    await expect(
      open({ httpsProxy: 'http://127.0.0.1:9' }).request('https://hub.example/'),
    ).rejects.toMatchObject({ hint: expect.stringContaining('HTTPS_PROXY') as string });
  });
});
