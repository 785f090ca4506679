import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTinyGguf, type TinyGguf } from '../../../test/fixtures/tiny-gguf.ts';
import { silentLog } from '../../lib/log.ts';
import { createHttpClient } from '../../net/http-client.ts';
import { describeEngine } from '../engine.contract.ts';
import type { LoadOptions, ModelSource } from '../engine.ts';
import { createLibraries } from './libraries.ts';
import type { LlamaEngine } from './llama-engine.ts';
import { createLlamaLoader, type LlamaLoader } from './llama-loader.ts';

let folder: string;
let model: TinyGguf;
let loader: LlamaLoader;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-llama-'));
  model = await writeTinyGguf(folder, { sharpness: 8 });
  const libraries = createLibraries({
    ownFolder: '',
    gpu: 'off',
    folder,
    registry: '',
    client: createHttpClient({ allowedHosts: [], log: silentLog }),
    log: silentLog,
  });
  loader = createLlamaLoader({
    librariesDirectory: () => libraries.directory(),
    crashFile: join(folder, 'crashes.json'),
    clock: { now: () => Date.now() },
    log: silentLog,
    snapshots: { directory: join(folder, 'kv'), budgetBytes: 2 ** 28 },
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const source = (more: Partial<ModelSource> = {}): ModelSource =>
  ({
    kind: 'file',
    id: 'tiny',
    path: model.path,
    sha256: model.sha256,
    adapters: [],
    ...more,
  }) as ModelSource;
const load = (options: LoadOptions = {}): Promise<LlamaEngine> => loader.load(source(), options);

describeEngine({ name: 'llama.cpp', start: () => load() });

describe('llama.cpp in its own process', () => {
  test('has no network, dies with its parent and is the first to be killed', async () => {
    const { hello } = await loader.probe();
    expect(hello.sandbox).toMatchObject({
      networkIsolated: true,
      diesWithParent: true,
      firstToBeKilled: true,
    });
    expect(hello.sandbox.environment.sort()).toEqual(['LANG', 'TZ']);
  });
});
