import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostileTarget, sendManyHostile } from '../fixtures/hostile-requests.ts';
import { rawRequest, statusOf } from '../fixtures/raw-request.ts';
import { startServer, type RunningServer } from '../fixtures/running-server.ts';

/**
 * Requests without sense over every route, always as many and the same, whatever the machine: a minute for two cores.
 * FUZZ_SECONDS says how long instead and takes a new seed, FUZZ_SEED repeats a failure.
 * Whatever comes, nothing may be a 500 and the server has to go on answering. Many more: `npm run bench -- server:fuzz`.
 */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 0);
const ordinary = 40_000;
const firstSeed = Number(process.env['FUZZ_SEED'] ?? (seconds > 0 ? Date.now() % 2 ** 31 : 2026));

let running: RunningServer;
beforeAll(async () => {
  running = await startServer({ environment: { CORRAL_FEEDBACK: 'true' } });
});
afterAll(() => running.close());

/** Every file outside of CORRAL_HOME with its content, and what stands at the top of CORRAL_HOME. */
function filesOf({ config }: RunningServer): { outside: Record<string, string>; home: string[] } {
  const outside: Record<string, string> = {};
  for (const name of readdirSync(config.root, { recursive: true }) as string[]) {
    const path = join(config.root, name);
    if (!path.startsWith(config.home) && statSync(path).isFile())
      outside[name] = readFileSync(path, 'latin1');
  }
  return { outside, home: readdirSync(config.home) };
}

/** DESIGN §5 names what may be there. */
const ownNames = /^(corral\.db(-wal|-shm)?|models|kv|tmp|backups|damaged|lock|reserve|tls|signed-out\.json)$/;

/**
 * What went wrong once, as it was sent: a seed makes another request as soon as there is another route. To be added to
 * with each find.
 */
const found: [path: string, body: object][] = [
  ['/generate', { inputs: 'x', parameters: { stop: Array(200_000).fill(0) } }],
  ['/v1/completions', { prompt: Array(100_000).fill(null) }],
  ['/v1/completions', { prompt: Array.from({ length: 100_000 }, () => []) }],
];

test.each(found)('found before: %s', async (path, body) => {
  const { status } = await running.call('POST', path, body);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect((await running.call('GET', '/healthz')).status).toBe(200);
});

test(
  `requests without sense ${seconds > 0 ? `for ${seconds} s` : `× ${ordinary}`}, first seed ${firstSeed}`,
  { timeout: (seconds + 600) * 1000 },
  async () => {
    const before = filesOf(running);
    const until = performance.now() + seconds * 1000;
    const target = await hostileTarget(running.address);
    const isEnough = (requests: number): boolean =>
      seconds > 0 ? performance.now() > until : requests >= ordinary;
    const report = await sendManyHostile(target, firstSeed, isEnough);
    console.log(`fuzz: ${report.requests} requests from seed ${firstSeed}:`, report.statuses);
    expect(report.failures).toEqual([]);
    expect((await running.call('GET', '/healthz')).status).toBe(200);
    expect(report.requests).toBeGreaterThan(seconds > 0 ? seconds * 20 : ordinary - 1);
    // S7: nothing that the API takes becomes a file of code or settings.
    const after = filesOf(running);
    expect(after.outside).toEqual(before.outside);
    expect(after.home.filter((name) => !ownNames.test(name))).toEqual([]);
  },
);

const rubbish = [
  '\0\0\0\0',
  'GET',
  'GET / HTTP/9.9\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
  'POST /api/chats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /api/chats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  'POST /api/chats HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
  'GET /%ff%zz HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /api/chats/%E0%A4%A HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
];

test.each(rubbish)('what is no request is refused: %j', async (text) => {
  const answer = await rawRequest(running.address, text, 1000);
  expect(statusOf(answer)).not.toBe(500);
  expect((await running.call('GET', '/healthz')).status).toBe(200);
});
