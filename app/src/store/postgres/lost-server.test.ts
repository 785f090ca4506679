import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/postgres/start-postgres.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { expectError, finish, newChat, startRun } from '../contract/parts.contract.ts';
import type { Store } from '../store.ts';
import { createPool } from './postgres-pool.ts';
import { createPostgresStore } from './postgres-store.ts';

/** The way to the server. */
interface Way {
  port: number;
  /** The connections there are carry nothing any more, and nobody is told; new ones do. */
  silence(): void;
  cut(): void;
  /** How many connections there are. */
  links(): number;
  /** So many requests to listen are answered as a standby answers them. */
  listensRefused: number;
  close(): Promise<void>;
}

/** An error and "ready for the next query", in PostgreSQL's protocol. */
function refusal(): Buffer {
  const fields = Buffer.from('SERROR\0C25006\0Mcannot execute LISTEN during recovery\0\0');
  const head = Buffer.alloc(5, 'E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields, Buffer.from('Z\0\0\0\u0005I')]);
}

async function openWay(socketPath: string): Promise<Way> {
  const links = new Set<{ isSilent: boolean; ends: Socket[] }>();
  // Half a farewell is no more heard of than anything else.
  const server = createServer({ allowHalfOpen: true }, (person) => {
    const onward = connect({ path: socketPath, allowHalfOpen: true });
    const link = { isSilent: false, ends: [person, onward] };
    links.add(link);
    person.on('data', (chunk) => {
      if (link.isSilent) return;
      if (way.listensRefused === 0 || !chunk.includes('listen ')) onward.write(chunk);
      else {
        way.listensRefused -= 1;
        person.write(refusal());
      }
    });
    onward.on('data', (chunk) => void (link.isSilent || person.write(chunk)));
    person.on('end', () => void (link.isSilent || onward.end()));
    onward.on('end', () => void (link.isSilent || person.end()));
    for (const end of link.ends) {
      end.on('error', () => undefined);
      end.on('close', () => {
        links.delete(link);
        for (const other of link.ends) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const way: Way = {
    port: (server.address() as AddressInfo).port,
    listensRefused: 0,
    links: () => links.size,
    silence() {
      for (const link of links) link.isSilent = true;
    },
    cut() {
      for (const { ends } of links) ends[0]?.destroy();
    },
    async close() {
      way.cut();
      server.close();
      await once(server, 'close');
    },
  };
  return way;
}

const home = mkdtempSync(join(tmpdir(), 'corral-pglost-'));
let server: PostgresServer;
let way: Way;
let store: Store;
let databases = 0;
let url: string;
/** The address of the way. */
let longUrl: string;
beforeAll(async () => {
  server = await startPostgres();
});
beforeEach(async () => {
  const name = `lost${(databases += 1)}`;
  url = await server.url(name);
  way = await openWay(join(new URLSearchParams(url.split('?')[1]).get('host') ?? '', '.s.PGSQL.5432'));
  longUrl = `postgresql://corral@127.0.0.1:${way.port}/${name}`;
  store = await open(`${longUrl}?query_timeout=5000`);
});
afterEach(async () => {
  await store.close();
  await way.close();
});
afterAll(async () => {
  await server?.stop();
  rmSync(home, { recursive: true });
});

const sockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

const open = (address: string): Promise<Store> =>
  createPostgresStore({ url: address, home, clock: systemClock, log: silentLog });

test('a server that vanished without a word fails the calls under way, and its successor is used', async () => {
  const { id } = await store.createChat('me', newChat());
  way.silence();
  await expectError(store.getChat('me', id), 'store-unavailable');
  await vi.waitUntil(() => store.getChat('me', id).catch(() => null), { timeout: 20_000 });
  await store.createChat('me', newChat());
  way.silence();
  await expectError(store.createChat('me', newChat()), 'store-unavailable');
  await vi.waitUntil(() => store.createChat('me', newChat()).catch(() => null), { timeout: 20_000 });
});

test('a stop does not wait for a server that vanished', async () => {
  const before = way.links();
  const leaving = await open(longUrl);
  const { id } = await leaving.createChat('me', newChat());
  const ownLinks = way.links() - before;
  const held = sockets();
  way.silence();
  const asking = expectError(leaving.getChat('me', id), 'store-unavailable');
  let isClosed = false;
  void leaving.close().then(() => (isClosed = true));
  await vi.waitUntil(() => isClosed, { timeout: 20_000 });
  await asking;
  // Any that stayed would keep the process.
  await vi.waitUntil(() => sockets() <= held - ownLinks, { timeout: 20_000 });
});

test('a server is given more time than it gives itself, but not for ever', async () => {
  const pool = createPool(url);
  expect(Number(pool.options.query_timeout)).toBeGreaterThan(60_000);
  expect(Number(pool.options.query_timeout)).toBeLessThan(300_000);
  await pool.end();
});

test('notices are heard again after a server that let nobody listen for a while', async () => {
  const other = await open(url);
  const run = await startRun(store, 'me');
  const phases: string[] = [];
  for await (const notice of store.watchRun('me', run.runId, AbortSignal.timeout(20_000))) {
    phases.push(notice.phase);
    if (phases.length > 1) continue;
    way.listensRefused = 2;
    way.cut();
    await vi.waitUntil(() => way.listensRefused === 0, { timeout: 15_000 });
    await other.finishRun('me', finish(run.runId, { offset: 0, text: 'done' }));
  }
  expect(phases.at(-1)).toBe('ended');
  await other.close();
});
