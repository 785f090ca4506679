import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { writeTinyRepository } from '../fixtures/models/tiny-repository.ts';
import { ownNamespace } from '../fixtures/small-disk.ts';
import { writeTinyGguf } from '../fixtures/tiny-gguf.ts';
import { type Ended, type ProgramOptions, runProgram, temporaryFolder } from '../program.ts';
import { type LocalHub, startLocalHub } from './local-hub.ts';

describe('an attempt of `corral pull` that failed', () => {
  let hub: LocalHub;

  beforeAll(async () => {
    hub = await startLocalHub();
  });
  afterAll(() => hub.close());

  async function pullWith(options: (home: string) => ProgramOptions): Promise<Ended> {
    const folder = temporaryFolder(onTestFinished);
    const home = join(folder, 'home');
    mkdirSync(join(home, 'models'), { recursive: true, mode: 0o700 });
    await writeTinyRepository(join(folder, 'llama'), { layers: 3, width: 128, dtype: 'f16' });
    hub.add({ id: 'owner/tiny-llama', folder: join(folder, 'llama') });
    const environment = {
      CORRAL_HOME: home,
      HF_ENDPOINT: hub.endpoint,
      HF_HOME: join(folder, 'huggingface'),
      CORRAL_OUTBOUND_HOSTS: hub.hosts.join(','),
    };
    hub.requests.length = 0;
    return await runProgram(['pull', 'owner/tiny-llama:f32'], { environment, ...options(home) });
  }
  const attempts = (): number => hub.requests.filter(({ path }) => path.includes('/tree/')).length;

  it('for want of room is the last one', async () => {
    const { code, stdout, stderr } = await pullWith((home) => ({ before: onDisk('64k', home) }));
    expect(stderr).toMatch(/needs .* of disk/);
    expect(stderr).not.toContain('tried again');
    expect(stdout).not.toContain('is ready');
    expect(code).toBe(74);
    expect(attempts()).toBe(1);
  });

  it('is told, with why, before the next one, each of them', async () => {
    hub.misbehave({ match: /^hub .*\/config\.json/, times: 2, act: { kind: 'corrupt' } });
    const { code, stdout, stderr } = await pullWith(() => ({}));
    expect(
      stderr.match(/config\.json .* is not what the Hub announced\. It is tried again soon\./g),
    ).toHaveLength(2);
    expect(stdout).toContain('owner/tiny-llama:f32 is ready');
    expect(code).toBe(0);
    expect(attempts()).toBe(3);
  });
});

it.each<[string, (folder: string) => Promise<string>]>([
  ['a file', async (folder) => (await writeTinyGguf(folder)).path],
  [
    'a folder',
    async (folder) => {
      await writeTinyRepository(join(folder, 'llama'), { layers: 3, width: 128, dtype: 'f16' });
      return join(folder, 'llama');
    },
  ],
])('an import of %s that has no room is refused before anything is written', async (_, write) => {
  const folder = temporaryFolder(onTestFinished);
  const home = join(folder, 'home');
  mkdirSync(join(home, 'models'), { recursive: true, mode: 0o700 });
  const { code, stderr } = await runProgram(['import', await write(folder)], {
    environment: { CORRAL_HOME: home },
    before: onDisk('64k', home),
  });
  expect(stderr).toMatch(/needs .* of disk, and .* are free/);
  expect(stderr).not.toContain('tried again');
  expect(code).toBe(74);
});

/** The words before a command that give it a small disk for its models. */
function onDisk(size: string, home: string): string[] {
  const mounting = `mount -t tmpfs -o size=${size} tmpfs "$0" && exec "$@"`;
  return [...ownNamespace, 'sh', '-c', mounting, join(home, 'models')];
}
