import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import { createHttpClient, type HttpClient } from '../../net/http-client.ts';
import { detectGpus } from './gpu-detection.ts';
import { createLibraries, type LibrariesOptions } from './libraries.ts';
import { packagesForGpu, processorPackage } from './library-packages.ts';

let folder: string;
let server: Server;
let registry: string;
let client: HttpClient;
let answers: Map<string, Buffer>;
let asked: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-libraries-'));
  answers = new Map();
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const body = answers.get(request.url ?? '');
    response.writeHead(body ? 200 : 404).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = createHttpClient({ allowedHosts: ['127.0.0.1'], log: silentLog });
});

afterEach(async () => {
  await client.close();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function tarEntry(path: string, content: string, kind = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write('0000644\0', 100);
  header.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124);
  header.write(kind, 156);
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

function archive(entries: Buffer[]): Buffer {
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

function publish(name: string, bytes: Buffer): { name: string; integrity: string } {
  answers.set(`/@node-llama-cpp/${name}/-/${name}-3.22.1.tgz`, bytes);
  return { name, integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}` };
}

function libraries(more: Partial<LibrariesOptions>) {
  return createLibraries({
    ownFolder: '',
    gpu: 'auto',
    folder: join(folder, 'libraries'),
    registry,
    client,
    log: silentLog,
    findGpus: () => [{ kind: 'vulkan', evidence: 'test' }],
    ...more,
  });
}

const good = (): Buffer =>
  archive([
    tarEntry('package/package.json', '{}'),
    tarEntry('package/bins/x/libllama.vulkan.v0.5.0.so', 'code'),
  ]);

describe('where the libraries are', () => {
  test('the package for this processor is here and holds llama.cpp', async () => {
    const directory = await libraries({ gpu: 'off' }).directory();
    expect(readdirSync(directory).some((name) => name.startsWith('libllama'))).toBe(true);
  });

  test('a folder of one’s own wins over everything', () => {
    expect(libraries({ ownFolder: '/own/build', gpu: 'vulkan' }).status()).toMatchObject({
      directory: '/own/build',
      origin: 'own',
      wanting: null,
    });
  });

  test('a GPU that is found makes its library wanted; nothing is fetched without consent', async () => {
    const found = libraries({ packages: () => [publish('gpu', good())] });
    expect(found.status()).toMatchObject({ origin: 'package', wanting: 'vulkan' });
    await found.directory();
    expect(asked).toEqual([]);
  });

  test('naming a GPU is the consent: it is fetched once, with progress, and used from then on', async () => {
    const options = {
      gpu: 'vulkan' as const,
      packages: () => [publish('gpu', good()), publish('gpu-ext', good2())],
    };
    const wanting = libraries(options);
    const seen: number[] = [];
    const [first, second] = await Promise.all([
      wanting.fetch('vulkan', { onProgress: ({ doneBytes }) => seen.push(doneBytes) }),
      wanting.directory(),
    ]);
    expect(second).toBe(first);
    expect(readdirSync(first).sort()).toEqual(['libggml-vulkan.so', 'libllama.vulkan.v0.5.0.so']);
    expect(readFileSync(join(first, 'libggml-vulkan.so'), 'utf8')).toBe('more code');
    expect(seen.length).toBeGreaterThan(0);
    expect(asked).toHaveLength(2);
    expect(libraries(options).status()).toMatchObject({ directory: first, origin: 'fetched', wanting: null });
  });

  test('what is not as published is refused and leaves nothing behind', async () => {
    const published = publish('gpu', good());
    publish('gpu', archive([tarEntry('package/bins/x/libllama.so', 'evil')]));
    const found = libraries({ packages: () => [published] });
    await expect(found.fetch('vulkan')).rejects.toMatchObject({ code: 'engine-library-refused' });
    expect(readdirSync(join(folder, 'libraries'))).toEqual([]);
  });

  test('an archive cannot say where its files go', async () => {
    const hostile = archive([
      tarEntry('package/bins/../../../../evil.so', 'x'),
      tarEntry('package/bins/x/link.so', 'x', '2'),
      tarEntry('/etc/libevil.so', 'x'),
      tarEntry('package/bins/x/run.sh', 'x'),
      tarEntry('package/bins/x/libgood.so', 'ok'),
    ]);
    const directory = await libraries({ packages: () => [publish('gpu', hostile)] }).fetch('vulkan');
    expect(readdirSync(directory).sort()).toEqual(['evil.so', 'libgood.so']);
    expect(readdirSync(folder)).toEqual(['libraries']);
  });

  test.each([
    ['a registry that does not have it', null],
    ['an archive that ends early', good().subarray(0, 60)],
  ])('%s is an error with a name', async (_, bytes) => {
    const wanted = bytes ? publish('gpu', bytes) : { name: 'gpu', integrity: '' };
    await expect(libraries({ packages: () => [wanted] }).fetch('vulkan')).rejects.toMatchObject({
      code: 'engine-library-refused',
    });
  });

  test('a platform without a package for its GPU says so', async () => {
    await expect(libraries({ arch: 's390x' }).fetch('cuda')).rejects.toMatchObject({
      code: 'engine-library-refused',
    });
    expect(() => libraries({ arch: 's390x', gpu: 'off' }).status()).toThrow(/linux-s390x/u);
  });
});

const good2 = (): Buffer => archive([tarEntry('package/bins/x/libggml-vulkan.so', 'more code')]);

describe('which package carries what', () => {
  test.each([
    ['linux', 'x64', '@node-llama-cpp/linux-x64'],
    ['linux', 'arm64', '@node-llama-cpp/linux-arm64'],
    ['darwin', 'arm64', '@node-llama-cpp/mac-arm64-metal'],
    ['win32', 'x64', '@node-llama-cpp/win-x64'],
    ['aix', 'ppc64', null],
  ])('%s %s: %s', (platform, arch, name) => {
    expect(processorPackage(platform, arch)).toBe(name);
  });

  test('every package for a GPU comes with the hash it must have', () => {
    for (const kind of ['cuda', 'vulkan'] as const) {
      const packages = packagesForGpu('linux', 'x64', kind);
      expect(packages.length).toBeGreaterThan(0);
      expect(packages.every(({ integrity }) => /^sha512-[\w+/]{86}==$/u.test(integrity))).toBe(true);
    }
  });
});

describe('a GPU is found by what its driver leaves', () => {
  function machine(paths: string[]): string {
    const root = join(folder, 'root');
    for (const path of paths) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), '');
    }
    return root;
  }

  test.each([
    ['nothing', [], []],
    ['a card without a driver for computing', ['proc/driver/nvidia/version'], []],
    ['NVIDIA', ['proc/driver/nvidia/version', 'usr/lib/x86_64-linux-gnu/libcuda.so.1'], ['cuda']],
    ['NVIDIA under WSL', ['dev/dxg', 'usr/lib/wsl/lib/libcuda.so.1'], ['cuda']],
    [
      'a card with Vulkan',
      ['dev/dri/renderD128', 'usr/share/vulkan/icd.d/radeon_icd.json', 'usr/lib64/libvulkan.so.1'],
      ['vulkan'],
    ],
    [
      'Vulkan that computes on the processor',
      ['dev/dri/renderD128', 'usr/share/vulkan/icd.d/lvp_icd.json', 'usr/lib64/libvulkan.so.1'],
      [],
    ],
  ])('%s', (_, paths, kinds) => {
    expect(detectGpus(machine(paths)).map((found) => found.kind)).toEqual(kinds);
  });
});
