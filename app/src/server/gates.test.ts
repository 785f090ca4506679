import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rawRequest, statusOf } from '../../test/fixtures/raw-request.ts';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';

let open: RunningServer;
let keyed: RunningServer;

beforeAll(async () => {
  open = await startServer();
  keyed = await startServer({
    environment: {
      CORRAL_ACCESS_KEY: 'a-right-access-key-0123456789',
      CORRAL_ALLOWED_HOSTS: 'chat.example,other.example:81',
    },
  });
});
afterAll(async () => {
  await open.close();
  await keyed.close();
});

const port = (running: RunningServer): string => new URL(running.address).port;

describe('S1: the name it is called by', () => {
  const paths = [
    '/',
    '/api/chats',
    '/api/nothing',
    '/assets/main-abcdefgh.js',
    '/v1/models',
    '/config',
    '/healthz',
    '/api/streams/x',
  ];
  const hosts = [
    'evil.example',
    'localhost.evil.example',
    'localhost.',
    'x.local',
    '',
    '127.0.0.1.evil',
    '[::2]',
    'evil@localhost',
  ];

  test.each(paths)('%s is refused under every foreign name', async (path) => {
    for (const host of [...hosts, `evil.example:${port(open)}`]) {
      const answer = await rawRequest(open.address, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect([host, statusOf(answer)]).toEqual([host, 403]);
    }
  });

  test('two hosts, no host and an absolute target are refused', async () => {
    const two = `GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n`;
    expect(statusOf(await rawRequest(open.address, two))).toBe(400);
    expect(statusOf(await rawRequest(open.address, 'GET / HTTP/1.1\r\n\r\n'))).toBe(400);
    const absolute = 'GET http://evil.example/api/chats HTTP/1.1\r\nHost: localhost\r\n\r\n';
    expect(statusOf(await rawRequest(open.address, absolute))).toBe(400);
  });

  test('own names and those of the operator are answered, with any port a proxy gives them', async () => {
    const names = [`127.0.0.1:${port(open)}`, `localhost:${port(open)}`, 'LOCALHOST', '[::1]', 'localhost:9'];
    for (const host of names) {
      const answer = await rawRequest(open.address, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect([host, statusOf(answer)]).toEqual([host, 200]);
    }
    const at = (host: string) => rawRequest(keyed.address, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(statusOf(await at('chat.example'))).toBe(200);
    expect(statusOf(await at('other.example:81'))).toBe(200);
    expect(statusOf(await at('other.example:82'))).toBe(403);
  });

  test('a second server on a loopback address of its own answers by it', async () => {
    const second = await startServer({ environment: { HOST: '127.0.0.2' } });
    expect(new URL(second.address).hostname).toBe('127.0.0.2');
    expect((await second.call('GET', '/api/chats')).status).toBe(200);
    await second.close();
  });
});

describe('S2: the page that asks', () => {
  const own = (): string => open.address;
  const cases: [string, Record<string, string>, number][] = [
    ['nothing at all: a program', {}, 201],
    ['our own page', { origin: 'OWN', 'sec-fetch-site': 'same-origin' }, 201],
    ['another origin', { origin: 'http://evil.example' }, 403],
    ['the null origin', { origin: 'null' }, 403],
    ['another port of the same name', { origin: 'http://127.0.0.1:1' }, 403],
    ['our origin with more behind it', { origin: 'OWN.evil.example' }, 403],
    [
      'another origin that has a bearer key',
      { origin: 'http://evil.example', authorization: 'Bearer x' },
      403,
    ],
    ['cross-site without an origin', { 'sec-fetch-site': 'cross-site' }, 403],
    ['same-site without an origin', { 'sec-fetch-site': 'same-site' }, 403],
    ['typed by a person', { 'sec-fetch-site': 'none' }, 403],
    ['a cookie without an origin', { cookie: 'a=b' }, 403],
    ['a cookie from our own page', { cookie: 'a=b', origin: 'OWN' }, 201],
  ];

  test.each(cases)('%s', async (_name, headers, status) => {
    const sent = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('OWN', own())]),
    );
    const body = '{}';
    const lines = Object.entries({
      host: `127.0.0.1:${port(open)}`,
      'content-type': 'application/json',
      'content-length': '2',
      ...sent,
    });
    const head = lines.map(([name, value]) => `${name}: ${value}`).join('\r\n');
    const answer = await rawRequest(open.address, `POST /api/chats HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    expect(statusOf(answer)).toBe(status);
    expect(answer).not.toMatch(/access-control-allow-origin/i);
  });

  test('another site may not even read', async () => {
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example' },
    ];
    for (const headers of foreign) {
      for (const path of ['/api/chats', '/%61pi/chats', '/api%2e/../%61pi/chats'])
        expect((await open.call('GET', path, undefined, headers)).status, path).toBe(403);
    }
  });

  test('a form in text/plain is no way in', async () => {
    const { status } = await open.call('POST', '/api/chats', '{}', { 'content-type': 'text/plain' });
    expect(status).toBe(415);
  });
});

describe('what an answer carries', () => {
  test('the page has a fresh nonce and a policy without unsafe words', async () => {
    const [first, second] = [await open.call('GET', '/'), await open.call('GET', '/')];
    const policy = first.headers.get('content-security-policy') ?? '';
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
    expect(first.text).toContain(`nonce="${nonce}"`);
    expect(policy).not.toContain('unsafe');
    expect(policy).toContain("default-src 'none'");
    expect(second.headers.get('content-security-policy')).not.toBe(policy);
    expect((await open.call('GET', '/chats/some', undefined, { accept: 'text/html' })).status).toBe(200);
  });

  test('files with a hash in their name are kept for good, compressed where that was made', async () => {
    const file = await open.call('GET', '/assets/main-abcdefgh.js', undefined, {
      'accept-encoding': 'identity',
    });
    expect(file.headers.get('cache-control')).toContain('immutable');
    const raw = await rawRequest(
      open.address,
      `GET /assets/main-abcdefgh.js HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br\r\n\r\n`,
    );
    expect(raw).toMatch(/content-encoding: br/i);
    const etag = file.headers.get('etag') ?? '';
    expect(
      (await open.call('GET', '/assets/main-abcdefgh.js', undefined, { 'if-none-match': etag })).status,
    ).toBe(304);
    for (const path of [
      '/assets/../index.html',
      '/assets/%2e%2e/%2e%2e/home/corral.db',
      '/assets/..%2f..%2fhome',
      '/assets/x%00.js',
    ]) {
      const answer = await rawRequest(open.address, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      expect(statusOf(answer)).toBeGreaterThanOrEqual(400);
    }
  });

  test('S6: a link in the folder of the page is not followed', async () => {
    const root = mkdtempSync(join(tmpdir(), 'corral-link-'));
    const pageFolder = join(root, 'page');
    mkdirSync(join(pageFolder, 'assets'), { recursive: true });
    writeFileSync(join(root, 'secret.js'), 'secret');
    writeFileSync(join(pageFolder, 'assets', 'own-abcdefgh.js'), 'own');
    symlinkSync(join(root, 'secret.js'), join(pageFolder, 'assets', 'link-abcdefgh.js'));
    const linked = await startServer({ pageFolder });
    expect((await linked.call('GET', '/assets/own-abcdefgh.js')).status).toBe(200);
    expect((await linked.call('GET', '/assets/link-abcdefgh.js')).status).toBe(404);
    await linked.close();
    rmSync(root, { recursive: true, force: true });
  });

  test('S8: what people wrote leaves as a download of a named kind, never as a page', async () => {
    const title = 'лама <script>alert(1)</script>.html';
    const { body } = await open.call('POST', '/api/chats', { title });
    for (const format of ['json', 'markdown']) {
      const { status, headers } = await open.call(
        'GET',
        `/api/chats/${String(body['id'])}/export?format=${format}`,
      );
      expect([format, status]).toEqual([format, 200]);
      expect(headers.get('content-type')).toMatch(/^(application\/json|text\/markdown); charset=utf-8$/);
      expect(headers.get('content-disposition')).toMatch(
        /^attachment; filename="[\w.-]+\.(json|md)"; filename\*=UTF-8''[\w.%-]+$/,
      );
      expect(headers.get('content-security-policy')).toContain('sandbox');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  test('everything else can do nothing in a browser', async () => {
    for (const path of ['/api/chats', '/api/nothing', '/v1/models', '/metrics']) {
      const { headers } = await open.call('GET', path);
      expect(headers.get('content-security-policy')).toContain('sandbox');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });
});
