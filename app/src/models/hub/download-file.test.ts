import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalHub, startLocalHub } from '../../../test/hub/local-hub.ts';
import type { Act } from '../../../test/hub/misbehaviour.ts';
import { silentLog } from '../../lib/log.ts';
import { createHttpClient, type HttpClient } from '../../net/http-client.ts';
import { downloadFile, type DownloadOptions } from './download-file.ts';
import { createHubClient } from './hub-client.ts';

const quick = { attempts: 4, baseMs: 1, capMs: 4, maxRetryAfterMs: 2000 };
const bytes = randomBytes(1 << 20);
const sha256 = createHash('sha256').update(bytes).digest('hex');

describe.each(['lfs', 'xet'] as const)('downloading a file that is stored with %s', (storage) => {
  let hub: LocalHub;
  let http: HttpClient;
  let folder: string;
  let place: DownloadOptions['place'];

  beforeEach(async () => {
    hub = await startLocalHub({
      tokens: ['hf_token'],
      repositories: [{ id: 'owner/name', storage, files: { 'model.gguf': bytes, 'plain.txt': 'text' } }],
    });
    http = createHttpClient({ allowedHosts: hub.hosts, log: silentLog });
    folder = mkdtempSync(join(tmpdir(), 'corral-download-'));
    const at = (name: string): string => join(folder, name);
    place = { folder, path: at('file'), part: at('part'), journal: at('journal') };
  });

  afterEach(async () => {
    await http.close();
    await hub.close();
    rmSync(folder, { recursive: true });
  });

  async function download(options: Partial<DownloadOptions> = {}): Promise<void> {
    const client = createHubClient({
      endpoint: hub.endpoint,
      token: 'hf_token',
      offline: false,
      client: http,
      retry: quick,
    });
    const snapshot = await client.snapshot({ id: 'owner/name' });
    const file = snapshot.files[0] as NonNullable<(typeof snapshot.files)[0]>;
    await downloadFile({
      source: () => client.source(snapshot, file),
      sizeBytes: file.sizeBytes,
      sha256: file.sha256 ?? '',
      place,
      blockBytes: 100_000,
      ...options,
    });
  }

  const ranges = (): (string | undefined)[] =>
    hub.requests.filter(({ origin }) => origin === 'store').map(({ headers }) => headers.range);

  it('arrives whole, under its name only, without the token having left the Hub', async () => {
    const seen: number[] = [];
    await download({ onProgress: (done) => seen.push(done) });
    expect(readFileSync(place.path).equals(bytes)).toBe(true);
    expect(readdirSync(folder)).toEqual(['file']);
    expect(seen.at(-1)).toBe(bytes.length);
    const toStore = hub.requests.filter(({ origin }) => origin === 'store');
    expect(toStore.length).toBeGreaterThan(0);
    expect(toStore.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await download();
    expect(ranges()).toHaveLength(1);
  });

  it('goes on at the byte where a connection was cut, without resolving again', async () => {
    hub.misbehave({ match: /^store/, times: 3, act: { kind: 'truncate', afterBytes: 200_000 } });
    await download();
    expect(readFileSync(place.path).equals(bytes)).toBe(true);
    const starts = ranges().map((range) => Number(/=(\d+)-/.exec(range ?? '')?.[1]));
    expect(starts).toHaveLength(4);
    expect(starts).toEqual([...starts].sort((one, other) => one - other));
    expect(new Set(starts).size).toBe(4);
    expect(
      hub.requests.filter(({ origin, path }) => origin === 'hub' && path.includes('resolve')),
    ).toHaveLength(1);
  });

  it('goes on after a cancellation with what was made safe, the hash included', async () => {
    const controller = new AbortController();
    const onProgress = (done: number): void => {
      if (done > 400_000) controller.abort();
    };
    hub.misbehave({ match: /^store/, times: 1, act: { kind: 'drip', bytes: 50_000, everyMs: 2 } });
    await expect(download({ onProgress, signal: controller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const safe = statSync(place.part).size;
    expect(safe).toBeGreaterThan(0);
    hub.requests.length = 0;
    await download();
    expect(readFileSync(place.path).equals(bytes)).toBe(true);
    expect(ranges()).toEqual([`bytes=${safe}-${bytes.length - 1}`]);
  });

  it('trusts the journal only as far as it is whole, fits the file and the file is there', async () => {
    const controller = new AbortController();
    await expect(
      download({ onProgress: (done) => done > 400_000 && controller.abort(), signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    const journal = readFileSync(place.journal, 'utf8');
    const part = readFileSync(place.part);
    const variants: [journal: string, part: Buffer][] = [
      [`${journal}{"doneBytes":1048`, Buffer.concat([part, Buffer.from('written after the last sync')])],
      [journal, part.subarray(0, 1000)],
      [journal.replaceAll(sha256, 'f'.repeat(64)), part],
      ['garbage\n\0\n', part],
      ['', Buffer.alloc(2 << 20)],
    ];
    for (const [journalText, partBytes] of variants) {
      rmSync(place.path, { force: true });
      writeFileSync(place.journal, journalText);
      writeFileSync(place.part, partBytes);
      await download();
      expect(readFileSync(place.path).equals(bytes)).toBe(true);
    }
  });

  it('throws away what has the wrong hash, also when only what was resumed is wrong', async () => {
    hub.misbehave({ match: /^store/, times: 1, act: { kind: 'corrupt' } });
    await expect(download()).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(readdirSync(folder)).toEqual([]);
    await download();
    expect(readFileSync(place.path).equals(bytes)).toBe(true);
  });

  it('resolves a signed address again when it expires, and gives up when that does not help', async () => {
    hub.signedUses = 1;
    hub.misbehave({ match: /^store/, times: 2, act: { kind: 'truncate', afterBytes: 300_000 } });
    await download();
    expect(readFileSync(place.path).equals(bytes)).toBe(true);
    rmSync(place.path);
    hub.signedUses = 0;
    await expect(download()).rejects.toMatchObject({
      code: 'hub-failed',
      message: expect.stringMatching(/expired/) as string,
    });
  });

  it('starts anew once when the file changes in the middle, and never mixes two versions', async () => {
    hub.misbehave({ match: /^store/, times: 1, act: { kind: 'truncate', afterBytes: 300_000 } });
    hub.misbehave({ match: /^store/, times: 1, act: { kind: 'etag', etag: '"other"' } });
    await download();
    expect(readFileSync(place.path).equals(bytes)).toBe(true);
    rmSync(place.path);
    let turn = 0;
    for (let round = 0; round < 8; round += 1) {
      hub.misbehave({ match: /^store/, times: 1, act: { kind: 'truncate', afterBytes: 100_000 } });
      hub.misbehave({ match: /^store/, times: 1, act: { kind: 'etag', etag: `"v${(turn += 1)}"` } });
    }
    await expect(download()).rejects.toMatchObject({ code: 'hub-changed' });
    expect(readdirSync(folder)).toEqual([]);
  });

  const faults: [string, Act, string | undefined][] = [
    ['a server without ranges', { kind: 'ignore-range' }, undefined],
    ['a body that is too short', { kind: 'short-length', bytes: 1000 }, undefined],
    ['busy for a while', { kind: 'status', status: 503 }, undefined],
    ['too many requests', { kind: 'status', status: 429, headers: { 'retry-after': '0' } }, undefined],
    ['refused', { kind: 'status', status: 401, body: 'no\r\n\u001B[31m' }, undefined],
    ['a range that does not exist', { kind: 'status', status: 416 }, undefined],
    ['a redirect loop', { kind: 'redirect', location: '/lfs/loop' }, undefined],
    [
      'a redirect to a metadata service',
      { kind: 'redirect', location: 'http://169.254.169.254/' },
      'address-refused',
    ],
    ['an endless body', { kind: 'endless' }, undefined],
  ];

  it.each(faults)('meets %s with the right bytes or none', async (_what, act, code) => {
    hub.misbehave({ match: /^store/, times: 2, act });
    const failure = await download().then(
      () => undefined,
      (error: unknown) => error as { code: string },
    );
    if (failure === undefined) expect(readFileSync(place.path).equals(bytes)).toBe(true);
    else expect(readdirSync(folder)).not.toContain('file');
    if (code !== undefined) expect(failure?.code).toBe(code);
    hub.behave();
    await download();
    expect(readFileSync(place.path).equals(bytes)).toBe(true);
  });
});
