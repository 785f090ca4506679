import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalHub, startLocalHub } from '../../../test/hub/local-hub.ts';
import type { Clock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import { createHttpClient, type HttpClient } from '../../net/http-client.ts';
import { createHubClient } from './hub-client.ts';
import { createTokenizerFinder, type TokenizerFinder } from './tokenizer-finder.ts';

let home: string;
let hub: LocalHub;
let client: HttpClient;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'corral-tokenizers-'));
  hub = await startLocalHub({ repositories: [{ id: 'owner/model', files: { 'tokenizer.json': '{}' } }] });
  client = createHttpClient({ allowedHosts: hub.hosts, log: silentLog });
});
afterEach(async () => {
  await client.close();
  await hub.close();
  rmSync(home, { recursive: true });
});

const found = { tokenizer: '{}', config: '{}', template: null };
const { signal } = new AbortController();

function finderIn(folder: string, clock: Clock = Date): TokenizerFinder {
  return createTokenizerFinder({
    hub: createHubClient({ endpoint: hub.endpoint, token: '', offline: false, client }),
    folder,
    isOffline: false,
    clock,
    log: silentLog,
  });
}

test('several that ask at once all have it, and it is kept once', async () => {
  const folder = join(home, 'tokenizers');
  const find = finderIn(folder);
  const all = await Promise.all(Array.from({ length: 8 }, () => find('owner/model', signal)));
  expect(all).toEqual(all.map(() => found));
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.json$/)]);
  const asked = hub.requests.length;
  expect(await find('owner/model', signal)).toEqual(found);
  expect(hub.requests).toHaveLength(asked);
});

test('one that cannot be kept serves all the same', async () => {
  const folder = join(home, 'a-file');
  writeFileSync(folder, '');
  expect(await finderIn(folder)('owner/model', signal)).toEqual(found);
});

test('what was kept while the clock was ahead is asked for again once it is right', async () => {
  let ahead = 365 * 24 * 3_600_000;
  const find = finderIn(join(home, 'tokenizers'), { now: () => Date.now() + ahead });
  expect(await find('owner/model', signal)).toEqual(found);
  const asked = hub.requests.length;
  ahead = 0;
  expect(await find('owner/model', signal)).toEqual(found);
  expect(hub.requests.length).toBeGreaterThan(asked);
});
