import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Preflight } from '../../src/contracts/models.ts';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { type Ended, runProgram, startProgram, startServer } from '../program.ts';
import { type LocalHub, startLocalHub } from './local-hub.ts';
import { tinyAdapter } from './tiny-adapter.ts';

describe('the commands on models', () => {
  let folder: string;
  let home: string;
  let hub: LocalHub;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'corral-commands-'));
    home = join(folder, 'home');
    await writeTinyRepository(join(folder, 'llama'), {
      layers: 3,
      width: 128,
      dtype: 'f16',
      keyValueHeads: 4,
    });
    await writeTinyGguf(folder, { type: 'q8_0' });
    hub = await startLocalHub({
      tokens: ['hf_someone'],
      repositories: [
        { id: 'owner/tiny-llama', folder: join(folder, 'llama'), licence: 'apache-2.0' },
        { id: 'owner/adapter', files: tinyAdapter({ base: 'owner/tiny-llama', width: 128, layers: 3 }) },
        { id: 'owner/gated', gated: 'manual', folder: join(folder, 'llama') },
      ],
    });
  });

  afterAll(async () => {
    await hub.close();
    rmSync(folder, { recursive: true });
  });

  const environment = (extra: Record<string, string> = {}): Record<string, string> => ({
    CORRAL_HOME: home,
    HF_ENDPOINT: hub.endpoint,
    HF_HOME: join(folder, 'huggingface'),
    CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
    ...extra,
  });
  const corral = (parameters: string[], extra?: Record<string, string>): Promise<Ended> =>
    runProgram(parameters, { environment: environment(extra) });
  const json = async (parameters: string[]): Promise<Record<string, never>> => {
    const { stdout, stderr, code } = await corral([...parameters, '--json']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return JSON.parse(stdout) as Record<string, never>;
  };

  it('check, pull, list, show and rm, without a server', async () => {
    const checked = await corral(['check', 'owner/tiny-llama+owner/adapter']);
    expect(checked.stdout).toMatch(/merged and quantised in one pass[\s\S]*apache-2\.0[\s\S]*It fits\./);
    const pulled = await corral(['pull', 'owner/tiny-llama+owner/adapter', 'owner/tiny-llama:f32']);
    expect(pulled).toMatchObject({ code: 0 });
    expect(pulled.stdout).toContain('owner/tiny-llama+owner/adapter:q4_k_m is ready');
    // Not a terminal: lines, and no bar that is drawn over itself.
    expect(pulled.stderr).not.toContain('\r');
    const { models } = (await json(['list'])) as unknown as { models: { id: string }[] };
    expect(models.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['cria', 'owner/tiny-llama:f32', 'owner/tiny-llama+owner/adapter:q4_k_m']),
    );
    // The name that was given has no quantisation, as in every example.
    const chosen = { CORRAL_MODEL: 'owner/tiny-llama+owner/adapter' };
    expect((await corral(['list'], chosen)).stdout).toContain('owner/tiny-llama+owner/adapter:q4_k_m *');
    const shown = await corral(['show', 'owner/tiny-llama+owner/adapter']);
    expect(shown.stdout).toMatch(/llama, 3 layers[\s\S]*apache-2\.0[\s\S]*owner\/adapter × 1/);
    const added = await corral(['adapter', 'add', 'owner/adapter', '--base', 'owner/tiny-llama:f32']);
    expect(added.stdout).toContain('owner/adapter is ready');
    expect((await corral(['adapter', 'list'])).stdout).toContain('owner/tiny-llama:f32');
    expect(await corral(['rm', 'owner/tiny-llama:f32'])).toMatchObject({ code: 75 });
    const removed = await corral(['adapter', 'rm', 'owner/adapter', '--base', 'owner/tiny-llama:f32']);
    expect(removed).toMatchObject({ code: 0 });
    expect(await corral(['rm', 'owner/tiny-llama:f32', 'owner/tiny-llama+owner/adapter'])).toMatchObject({
      code: 0,
    });
    expect(readdirSync(join(home, 'models/blobs'))).toHaveLength(0);
  });

  it('check judges the context that is named, here and at a running server', async () => {
    const check = async (...flags: string[]): Promise<Preflight> =>
      (await json(['check', 'owner/tiny-llama', ...flags])) as unknown as Preflight;
    const server = await startServer(home, { environment: environment({ CORRAL_CONTEXT: '512' }) });
    try {
      expect((await check()).memory?.contextTokens).toBe(512);
      expect((await check('--context', '256')).memory?.contextTokens).toBe(256);
    } finally {
      await server.stop();
    }
    // More than the 512 that it was trained for, it never gets.
    const [short, long] = [await check('--context', '256'), await check('--context', '1024')];
    expect(long.memory?.contextTokens).toBe(512);
    expect(long.memory?.kvBytes).toBe(2 * (short.memory?.kvBytes ?? 0));
    expect(long.resultBytes).toBe(short.resultBytes);
  });

  it('import takes a path as the shell gives it', async () => {
    const imported = await runProgram(['import', 'tiny.gguf'], { environment: environment(), folder });
    expect(imported.stdout).toContain('tiny is ready');
    const converted = await runProgram(['import', 'llama', '--name', 'mine', '--quant', 'q8_0'], {
      environment: environment(),
      folder,
    });
    expect(converted.stdout).toContain('mine:q8_0 is ready');
    expect(await corral(['rm', 'tiny', 'mine:q8_0'])).toMatchObject({ code: 0 });
  });

  it.each([
    [['pull', 'owner/gated'], 77, /accept/],
    [['pull', 'owner/nothing'], 66, /no repository/],
    [['pull', 'owner/tiny-llama@nowhere'], 66, /no revision/],
    [['pull', 'a b'], 64, /does not name a model/],
    [['rm', 'owner/none'], 66, /not on this machine/],
    [['import', '/nowhere/x.gguf'], 66, /nothing at/],
    [['show', 'owner/none'], 66, /corral pull owner\/none/],
    [['check', '/somewhere/llama:q8_0'], 66, /was not imported yet.*corral import \/somewhere\/llama:q8_0/s],
  ] as [string[], number, RegExp][])('%j ends with %i', async (parameters, exitCode, words) => {
    const { code, stderr, stdout } = await corral(parameters);
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(code).toBe(exitCode);
  });

  it('pulls the others when one fails, and still ends with its code', async () => {
    const { code, stdout, stderr } = await corral([
      'pull',
      'owner/nothing',
      'owner/tiny-llama:q4_0',
      'owner/gated',
    ]);
    expect(stdout).toContain('owner/tiny-llama:q4_0 is ready');
    expect(stderr).toMatch(/owner\/nothing: .*no repository/);
    expect(stderr).toMatch(/accept/);
    expect(code).toBe(77);
    expect(await corral(['rm', 'owner/tiny-llama:q4_0'])).toMatchObject({ code: 0 });
  });

  it('never prints the token', async () => {
    const { stdout, stderr } = await corral(['pull', 'owner/gated', '--debug'], {
      HF_TOKEN: 'hf_canary',
      CORRAL_LOG_LEVEL: 'debug',
    });
    expect(stderr).toContain('token');
    expect(stdout + stderr).not.toContain('hf_canary');
  });

  it('stops at Ctrl-C and goes on from there, through a running server as well', async () => {
    const server = await startServer(home, { environment: environment() });
    try {
      hub.misbehave({ match: /^store/, act: { kind: 'drip', bytes: 4000, everyMs: 40 } });
      const program = startProgram(['pull', 'owner/tiny-llama:q8_0'], { environment: environment() });
      // It says how far it is, and not only at the end.
      await expect
        .poll(() => program.errors(), { timeout: 60_000 })
        .toMatch(/tiny-llama:q8_0: \d+ % \w+ \S+: [\d.]+ \w+ of [\d.]+ \w+/);
      program.process.kill('SIGINT');
      const ended = await program.ended;
      expect(ended.code).toBe(130);
      expect(ended.stderr).toContain('goes on from here');
      hub.behave();
      expect(await corral(['pull', 'owner/tiny-llama:q8_0'])).toMatchObject({ code: 0 });
      const { models } = (await json(['list'])) as unknown as { models: { id: string }[] };
      expect(models.map(({ id }) => id)).toContain('owner/tiny-llama:q8_0');
    } finally {
      await server.stop();
    }
  });

  it.each([['alone'], ['beside a server']])(
    'check ends at Ctrl-C while the Hub is silent, %s',
    async (place) => {
      const server = place === 'alone' ? null : await startServer(home, { environment: environment() });
      const asked = hub.requests.length;
      hub.misbehave({ match: /^hub/, act: { kind: 'silence' } });
      try {
        const program = startProgram(['check', 'owner/adapter'], { environment: environment() });
        await expect.poll(() => hub.requests.length, { timeout: 60_000 }).toBeGreaterThan(asked);
        program.process.kill('SIGINT');
        expect(await program.ended).toMatchObject({ code: 130, stderr: 'corral: the command was stopped\n' });
      } finally {
        hub.behave();
        await server?.stop();
      }
    },
  );
});
