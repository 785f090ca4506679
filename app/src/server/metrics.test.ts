import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openOutboxPlace } from '../../test/fixtures/outbox-place.ts';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';
import type { ServerOutbox } from './ports.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer({
    environment: { CORRAL_SLOTS: '1' },
    script: { slots: 1, tokensPerSecond: 50 },
  });
});
afterAll(() => running.close());

const metrics = async (): Promise<string> => (await running.call('GET', '/metrics')).text;

async function value(name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await metrics())?.[1] ?? Number.NaN);
}

test('every name that docs/api.md promises is served, and every one of ours is on that page', async () => {
  const page = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
  const promised = new Set([...page.matchAll(/`(corral_\w+)`/g)].map((match) => match[1] ?? ''));
  const served = new Set([...(await metrics()).matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1] ?? ''));
  expect([...promised].filter((name) => !served.has(name))).toEqual([]);
  const ours = [...served].filter((name) => !/^corral_(nodejs|process)_/.test(name));
  expect(ours.filter((name) => !promised.has(name))).toEqual([]);
  expect(promised).toContain('corral_nodejs_eventloop_lag_p99_seconds');
});

test('what waits for its turn is counted, and what was answered', async () => {
  const leave = new AbortController();
  const ask = () =>
    fetch(`${running.address}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: '/long 5000', max_tokens: 5000 }),
      signal: leave.signal,
    }).catch(() => null);
  const asked = [ask(), ask(), ask()];
  await expect.poll(() => value('corral_queue_length'), { timeout: 20_000 }).toBe(2);
  expect(await value('corral_engine_users')).toBe(3);
  leave.abort();
  await Promise.all(asked);
  await expect.poll(() => value('corral_queue_length'), { timeout: 20_000 }).toBe(0);
  await running.call('POST', '/v1/completions', { prompt: '/say hi' });
  const text = await metrics();
  expect(text).toMatch(/corral_answers_total\{dialect="openai",reason="stop"\} 1/);
  expect(text).toMatch(/corral_requests_total\{method="POST",route="\/v1\/completions",status="200"\} \d/);
  expect(await value('corral_first_token_seconds_count')).toBeGreaterThan(0);
});

test.each(['refuses', 'does not answer'])(
  'a database that %s leaves out what it counts, and nothing else',
  async (how) => {
    const place = await openOutboxPlace();
    await place.begin();
    let isHeld = false;
    const status = () => (isHeld ? new Promise<never>(() => undefined) : place.outbox.status());
    const outbox: ServerOutbox = {
      status,
      dead: (page) => place.outbox.dead(page),
      replay: (ids) => place.outbox.replay(ids),
    };
    const other = await startServer({ outbox });
    onTestFinished(() => other.close());
    const before = await other.call('GET', '/metrics');
    expect(before.text).toMatch(/^corral_outbox_pending 0$/m);
    // Its store is closed with it.
    await place.close();
    isHeld = how === 'does not answer';
    const after = await other.call('GET', '/metrics');
    expect(after.status).toBe(200);
    expect(after.text).toMatch(/^corral_requests_total\{.*route="\/metrics"/m);
    expect(after.text).not.toMatch(/^corral_outbox_(pending|dead) /m);
  },
);
