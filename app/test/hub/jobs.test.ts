import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShownJob } from '../../src/contracts/api/jobs.ts';
import type { PullProgress } from '../../src/contracts/models.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { type NativeClient, nativeClient } from '../fixtures/native-client.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { type RunningServer, startServer } from '../program.ts';
import { type LocalHub, startLocalHub } from './local-hub.ts';
import { tinyAdapter } from './tiny-adapter.ts';

/** A pull takes its time on a busy machine. */
const patient = { timeout: 60_000 };

type Progress = Extract<PullProgress, { type: 'progress' }>;

describe('pulls as background jobs', () => {
  let folder: string;
  let hub: LocalHub;
  let server: RunningServer;
  let client: NativeClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'corral-jobs-'));
    hub = await startLocalHub();
    for (const seed of [1, 2, 3, 4, 5]) {
      const { path } = await writeTinyGguf(folder, { seed, type: 'f16', width: 128, layers: 3 });
      hub.add({ id: `owner/model-${seed}`, files: { 'm-F16.gguf': readFileSync(path) } });
    }
    await writeTinyRepository(join(folder, 'llama'), { layers: 4, width: 256, dtype: 'f16' });
    hub.add({ id: 'owner/tiny-llama', folder: join(folder, 'llama') });
    const adapter = tinyAdapter({ base: 'owner/tiny-llama', width: 256, layers: 4 });
    hub.add({ id: 'owner/adapter', files: adapter });
    server = await startServer(join(folder, 'home'), {
      environment: {
        HF_ENDPOINT: hub.endpoint,
        HF_HOME: join(folder, 'huggingface'),
        CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
      },
    });
    client = nativeClient(server.address);
  });

  afterAll(async () => {
    await server.stop();
    await hub.close();
    rmSync(folder, { recursive: true });
  });

  const show = (id: string): Promise<ShownJob> => client.call('GET', `/api/jobs/${id}`);
  const pull = (reference: string): Promise<ShownJob> => client.call('POST', '/api/pulls', { reference });
  const until = (id: string, isSo: (job: ShownJob) => boolean): Promise<ShownJob> =>
    expect
      .poll(async () => {
        const job = await show(id);
        return isSo(job) ? job : null;
      }, patient)
      .not.toBeNull()
      .then(() => show(id));
  const isFetching = ({ progress }: ShownJob): boolean =>
    progress?.['type'] === 'progress' && Number(progress['doneBytes']) > 0;
  /** First bytes of the ranges that were asked of the store for large files. */
  const starts = (): number[] =>
    hub.requests
      .filter(({ origin }) => origin === 'store')
      .map(({ headers }) => Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0));

  it('go on side by side, are paused, gone on with and cancelled, each by itself', async () => {
    hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 4000, everyMs: 40 } });
    const jobs = await Promise.all([1, 2, 3, 4].map((seed) => pull(`owner/model-${seed}`)));
    const [first, second, third, fourth] = jobs.map(({ id }) => id) as [string, string, string, string];
    // Three at once, the fourth waits for its turn.
    const running = await Promise.all([first, second, third].map((id) => until(id, isFetching)));
    expect(running.map(({ state }) => state)).toEqual(['working', 'working', 'working']);
    expect((await show(fourth)).state).toBe('waiting');
    const { jobs: active } = await client.call<{ jobs: ShownJob[] }>(
      'GET',
      '/api/jobs?kind=pull&active=true',
    );
    expect(active.map(({ id }) => id).toSorted()).toEqual([first, second, third, fourth].toSorted());

    expect(await client.call('DELETE', `/api/jobs/${first}`)).toMatchObject({ state: 'cancelled' });
    await until(fourth, isFetching);
    expect((await show(second)).state).toBe('working');
    // What was paused stays as it is, while it is not thrown away.
    expect(readdirSync(join(folder, 'home/models/pulls'))).toHaveLength(4);

    await expect(client.call('POST', `/api/jobs/${second}/resume`)).rejects.toThrow(/409.*at work already/);
    hub.behave();
    hub.requests.length = 0;
    const resumed = await client.call<ShownJob>('POST', `/api/jobs/${first}/resume`);
    expect(resumed.id).not.toBe(first);
    const done = await Promise.all([resumed.id, second, third, fourth].map((id) => until(id, isEnded)));
    expect(done.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
    expect((await show(first)).state).toBe('cancelled');
    expect(Math.max(...starts())).toBeGreaterThan(0);
    const { models } = await client.call<{ models: { id: string }[] }>('GET', '/api/models');
    const names = [1, 2, 3, 4].map((seed) => `owner/model-${seed}:f16`);
    expect(models.map(({ id }) => id)).toEqual(expect.arrayContaining(names));
    expect(readdirSync(join(folder, 'home/models/pulls'))).toEqual([]);
  });

  const isEnded = ({ state }: ShownJob): boolean => state !== 'waiting' && state !== 'working';

  it('make all that was asked for of one folder at once', async () => {
    const path = join(folder, 'llama');
    const jobs = await Promise.all(
      [{}, { name: 'other', quantisation: 'q8_0' }].map((options) =>
        client.call<ShownJob>('POST', '/api/model-imports', { path, ...options }),
      ),
    );
    const done = await Promise.all(jobs.map(({ id }) => until(id, isEnded)));
    expect(done.map(({ progress }) => progress)).toMatchObject([
      { model: { id: 'llama:q4_k_m' } },
      { model: { id: 'other:q8_0' } },
    ]);
  });

  it.each([
    ['owner/model-5', 'download', 2000],
    ['owner/tiny-llama+owner/adapter:q4_k_m', 'convert', 8000],
  ] as const)(
    '%s: the %s says each file and the whole, how fast, how long still',
    async (reference, phase, bytes) => {
      hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes, everyMs: 10 } });
      const { id } = await pull(reference);
      const seen: Progress[] = [];
      const look = async (): Promise<string> => {
        const { progress, state } = await show(id);
        const said = progress as PullProgress | null;
        if (said?.type === 'progress' && said.phase === phase) seen.push(said);
        return state;
      };
      await expect.poll(look, { ...patient, interval: 60 }).toBe('done');
      hub.behave();
      const counts = seen.map(({ doneBytes }) => doneBytes);
      expect(counts).toEqual(counts.toSorted((one, other) => one - other));
      expect(new Set(counts).size).toBeGreaterThan(3);
      const midway = seen.findLast(({ doneBytes, totalBytes }) => doneBytes > 0 && doneBytes < totalBytes);
      expect(midway?.file).toMatch(phase === 'download' ? /m-F16\.gguf/ : /^(?:blk|output|token_embd)/);
      expect(midway?.fileDoneBytes).toBeGreaterThan(0);
      expect(midway?.fileDoneBytes).toBeLessThanOrEqual(midway?.fileTotalBytes ?? 0);
      expect(midway?.bytesPerSecond).toBeGreaterThan(0);
      expect(midway?.etaSeconds).toBeGreaterThan(0);
    },
  );
});
