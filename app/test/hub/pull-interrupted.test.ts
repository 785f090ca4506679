import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PullProgress } from '../../src/contracts/models.ts';
import { ownNamespace } from '../fixtures/small-disk.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { type LocalHub, startLocalHub } from './local-hub.ts';
import { nodeFlags } from '../../../bin/runtime.mjs';

const script = join(import.meta.dirname, 'pull-process.ts');
const cria = join(import.meta.dirname, '../../../cria');

type Said = PullProgress | { type: 'failed'; error: { code: string; message: string } };

describe('a pull that is interrupted', () => {
  let fixtures: string;
  let hub: LocalHub;
  let home: string;

  beforeAll(async () => {
    fixtures = mkdtempSync(join(tmpdir(), 'corral-interrupted-'));
    hub = await startLocalHub();
    const gguf = await writeTinyGguf(fixtures, { type: 'q8_0', width: 256, layers: 4 });
    await writeTinyRepository(join(fixtures, 'llama'), { layers: 4, width: 256, shards: 2, dtype: 'f16' });
    hub.add({ id: 'owner/tiny-GGUF', files: { 'tiny-Q8_0.gguf': readFileSync(gguf.path) } });
    hub.add({ id: 'owner/tiny-llama', folder: join(fixtures, 'llama') });
  });

  afterAll(async () => {
    await hub.close();
    rmSync(fixtures, { recursive: true });
  });

  /** A download is made safe block by block; a conversion every three seconds, which a quick one may not reach. */
  const blockBytes = 100_000;

  beforeEach(() => {
    hub.behave();
    home = mkdtempSync(join(fixtures, 'home-'));
  });

  const command = (reference: string): string[] => [
    script,
    JSON.stringify({
      folder: join(home, 'models'),
      endpoint: hub.endpoint,
      cacheFolder: join(home, 'none'),
      bundledFolder: cria,
      outboundHosts: hub.hosts,
      blockBytes,
    }),
    reference,
  ];

  /** Runs shell lines where a disk can be mounted; `"$@"` in them is the pull. */
  function onSmallDisk(lines: readonly string[], reference: string) {
    const [unshare, ...words] = ownNamespace;
    const pulling = [process.execPath, ...nodeFlags, ...command(reference)];
    return spawn(unshare, [...words, 'sh', '-c', lines.join('\n'), 'sh', ...pulling], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** Runs a pull and kills it without warning after so many bytes; everything it said. */
  async function pull(reference: string, killAfterBytes = Number.POSITIVE_INFINITY): Promise<Said[]> {
    const child = spawn(process.execPath, [...nodeFlags, ...command(reference)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: Said[] = [];
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const event = JSON.parse(line) as Said;
        said.push(event);
        if (event.type === 'progress' && event.doneBytes > killAfterBytes) child.kill('SIGKILL');
      }
    });
    await new Promise((resolve) => child.once('close', resolve));
    return said;
  }

  const blobs = (): string[] => {
    const folder = join(home, 'models/blobs');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const storeBytes = (): number =>
    hub.requests
      .filter(({ origin }) => origin === 'store')
      .map(({ headers }) => /bytes=(\d+)-(\d+)/.exec(headers.range ?? ''))
      .reduce((sum, match) => sum + Number(match?.[2] ?? 0) - Number(match?.[1] ?? 0), 0);

  it.each([
    { reference: 'owner/tiny-GGUF:q8_0', share: 0.6 },
    { reference: 'owner/tiny-llama:q8_0', share: 1 },
  ])(
    '$reference goes on after kill -9, again and again, to the same bytes, and fetches no more than is missing',
    async ({ reference, share }) => {
      hub.requests.length = 0;
      const clean = (await pull(reference)).at(-1);
      const wholeBytes = storeBytes();
      expect(clean?.type).toBe('done');
      rmSync(home, { recursive: true });
      mkdirSync(home);
      hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 60_000, everyMs: 12 } });
      let killed = 0;
      for (const bytes of [400_000, 900_000, 1_400_000]) {
        const last = (await pull(reference, bytes)).at(-1);
        if (last?.type === 'progress') killed += 1;
        expect(blobs()).toEqual([]);
      }
      expect(killed).toBe(3);
      hub.requests.length = 0;
      const resumed = (await pull(reference)).at(-1);
      expect(resumed).toMatchObject({
        type: 'done',
        model: { sha256: clean?.type === 'done' ? clean.model.sha256 : '' },
      });
      expect(storeBytes()).toBeLessThanOrEqual(share * wholeBytes);
      const [blob = ''] = blobs();
      const bytes = readFileSync(join(home, 'models/blobs', blob));
      expect(`sha256-${createHash('sha256').update(bytes).digest('hex')}.gguf`).toBe(blob);
      expect(readdirSync(join(home, 'models/pulls'))).toEqual([]);
    },
  );

  it.each([
    { reference: 'owner/tiny-GGUF:q8_0', safeBytes: blockBytes },
    { reference: 'owner/tiny-llama:q8_0', safeBytes: 0 },
  ])(
    '$reference stops with a clear error on a full disk, keeps what it had, and goes on when there is room',
    ({ reference, safeBytes }) => {
      const small = join(home, 'models');
      mkdirSync(small);
      // A disk of its own, in a namespace that ends with the process; the filler leaves less than the file needs.
      const lines = [
        `mount -t tmpfs -o size=4m tmpfs ${small}`,
        `"$@" > ${home}/first &`,
        // Once a block is safe, or it has ended; without room from the start it would be refused beforehand.
        `until grep -Esq '"doneBytes":[1-9][0-9]{5}' ${home}/first || ! kill -0 $!; do sleep 0.02; done`,
        `dd if=/dev/zero of=${small}/filler bs=64k count=60 2>/dev/null; wait`,
        `find ${small}/pulls -type f -size +0 > ${home}/kept`,
        `rm ${small}/filler`,
        `"$@" > ${home}/second`,
        `ls ${small}/blobs > ${home}/blobs`,
      ];
      hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 50_000, everyMs: 60 } });
      return new Promise<void>((resolve, reject) => {
        const child = onSmallDisk(lines, reference);
        child.once('close', () => {
          try {
            const said = (name: string): Said[] =>
              readFileSync(join(home, name), 'utf8')
                .trim()
                .split('\n')
                .map((line) => JSON.parse(line) as Said);
            expect(said('first').at(-1)).toMatchObject({ type: 'failed', error: { code: 'disk-full' } });
            expect(readFileSync(join(home, 'kept'), 'utf8')).toMatch(/\.part$/m);
            const begun = said('second').find(({ type }) => type === 'progress');
            expect(begun?.type === 'progress' && begun.doneBytes).toBeGreaterThanOrEqual(safeBytes);
            expect(said('second').at(-1)).toMatchObject({ type: 'done' });
            expect(readFileSync(join(home, 'blobs'), 'utf8')).toMatch(/^sha256-/);
            resolve();
          } catch (error) {
            reject(error);
          }
        });
      });
    },
  );

  it('refuses beforehand when the disk has no room', () => {
    const small = join(home, 'models');
    mkdirSync(small);
    const lines = [`mount -t tmpfs -o size=1m tmpfs ${small}`, '"$@"', `ls ${small}`];
    hub.requests.length = 0;
    const child = onSmallDisk(lines, 'owner/tiny-GGUF:q8_0');
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return new Promise<void>((resolve, reject) => {
      child.once('close', () => {
        try {
          expect(text).toMatch(/"failed".*"disk-full".*corral rm/);
          expect(storeBytes()).toBeLessThan(3_000_000);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  });

  it('has what this file needs', () => {
    expect(spawnSync('unshare', ['--mount', '--map-root-user', 'true']).status).toBe(0);
  });
});
