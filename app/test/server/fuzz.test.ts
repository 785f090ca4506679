import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDice, hostileTexts, hostileValue, valueFor, type Dice } from '../fixtures/hostile-values.ts';
import { rawRequest, statusOf } from '../fixtures/raw-request.ts';
import { startServer, type RunningServer } from '../fixtures/running-server.ts';

/**
 * Requests without sense over every route. FUZZ_SECONDS says how long (CI: 60), FUZZ_SEED repeats a failure.
 * Whatever comes, nothing may be a 500 and the server has to go on answering.
 */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 8);
const firstSeed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);

interface Operation {
  method: string;
  path: string;
  body: object | null;
}

let running: RunningServer;
let operations: Operation[];
let chatId = '';

beforeAll(async () => {
  running = await startServer({ environment: { CORRAL_FEEDBACK: 'true' } });
  const { body } = await running.call('GET', '/api/openapi.json');
  operations = operationsOf(body as never);
  chatId = (await running.chats.create('owner', {})).id;
});
afterAll(() => running.close());

type Described = {
  paths: Record<string, Record<string, { requestBody?: { content?: Record<string, { schema?: object }> } }>>;
};

function operationsOf({ paths }: Described): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, it]) => ({
      method: method.toUpperCase(),
      path,
      body: it.requestBody?.content?.['application/json']?.schema ?? null,
    })),
  );
}

function pathOf({ path }: Operation, dice: Dice): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    if (name === 'id' && dice.chance(0.5)) return chatId;
    return encodeURIComponent(dice.pick([...hostileTexts, 'chat', 'scripted']).slice(0, 300)) || 'x';
  });
  const name = dice.pick([
    'from',
    'limit',
    'cursor',
    'q',
    'active',
    'erase',
    'format',
    'session_hash',
    'chatId',
    'x',
  ]);
  const value = encodeURIComponent(dice.pick([...hostileTexts, '5', 'json', '1']).slice(0, 500));
  return dice.chance(0.4) ? `${filled}?${name}=${value}` : filled;
}

const types = [
  'application/json',
  'application/json',
  'application/json',
  'text/plain',
  'multipart/form-data; boundary=x',
  '',
];

function bodyOf({ body }: Operation, dice: Dice): string {
  const value = body === null || dice.chance(0.15) ? hostileValue(dice) : valueFor(body, dice);
  const text = JSON.stringify(value) ?? '';
  const roll = dice.below(20);
  if (roll === 0) return text.slice(0, dice.below(text.length + 1));
  if (roll === 1) return `${text.slice(0, 5)}\\ud800${text.slice(5)}`;
  if (roll === 2) return '['.repeat(100_000);
  if (roll === 3) return `{"__proto__": ${text}}`;
  if (roll === 4)
    return dice.pick(['NaN', '1e999', '{"a":1e999}', '\ufeff{}', 'null', '""', '[]', '{"a":1,"a":2}']);
  return text;
}

async function once(seed: number): Promise<{ what: string; status: number }> {
  const dice = createDice(seed);
  const operation = dice.pick(operations);
  const path = pathOf(operation, dice);
  const headers: Record<string, string> = {};
  if (dice.chance(0.1)) headers['if-match'] = dice.pick(['"1"', '0', '999999', 'x', '"']);
  if (dice.chance(0.1)) headers['idempotency-key'] = dice.pick(['k', 'k2', 'x'.repeat(500)]);
  const isReading = operation.method === 'GET' || operation.method === 'DELETE';
  const body = isReading && dice.chance(0.9) ? undefined : bodyOf(operation, dice);
  const type = dice.pick(types);
  if (body !== undefined && type !== '') headers['content-type'] = type;
  const what = `seed ${seed}: ${operation.method} ${path} ${body?.slice(0, 300) ?? ''}`;
  // Streams never end by themselves; nothing else takes so long.
  const signal = AbortSignal.timeout(1500);
  try {
    const method = isReading && body !== undefined ? 'POST' : operation.method;
    const answer = await fetch(running.address + path, {
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    });
    const isStream = (answer.headers.get('content-type') ?? '').includes('event-stream');
    if (isStream) await answer.body?.cancel();
    else await answer.arrayBuffer();
    return { what, status: answer.status };
  } catch (error) {
    if (signal.aborted) return { what, status: 0 };
    return { what: `${what} (${String(error)})`, status: -1 };
  }
}

test(
  `requests without sense for ${seconds} s, first seed ${firstSeed}`,
  { timeout: (seconds + 30) * 1000 },
  async () => {
    const until = performance.now() + seconds * 1000;
    const failures: string[] = [];
    const statuses = new Map<number, number>();
    let seed = firstSeed;
    const worker = async (): Promise<void> => {
      while (performance.now() < until && failures.length < 5) {
        const { what, status } = await once(seed++);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 500 || status === -1) failures.push(`${status} ${what}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    console.log(`fuzz: ${seed - firstSeed} requests from seed ${firstSeed}:`, Object.fromEntries(statuses));
    expect(failures).toEqual([]);
    expect((await running.call('GET', '/healthz')).status).toBe(200);
    expect(seed - firstSeed).toBeGreaterThan(seconds * 20);
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
