import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { OracleModel } from '../../../../test/fixtures/llama-library.ts';
import { convertTo } from '../../../../test/fixtures/models/convert-folder.ts';
import { writeTinyAdapter, type TinyAdapterOptions } from '../../../../test/fixtures/models/tiny-adapter.ts';
import {
  writeTinyRepository,
  type TinyRepositoryOptions,
} from '../../../../test/fixtures/models/tiny-repository.ts';
import { temporaryFolder } from '../../../../test/fixtures/temporary-folder.ts';
import { folderFiles } from '../folder-files.ts';
import { writeAdapterGguf } from './adapter-gguf.ts';

const tokens = [1, 300, 17, 42, 260, 5];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let count = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => await folder.remove());
const newFolder = (): string => join(folder.path, String((count += 1)));

interface Made {
  base: string;
  merged: string;
  lora: string;
  target: string;
}

async function make(options: TinyRepositoryOptions, adapterOptions: TinyAdapterOptions): Promise<Made> {
  const repository = await writeTinyRepository(newFolder(), options);
  const adapter = await writeTinyAdapter(newFolder(), repository, adapterOptions);
  const adapters = [{ folder: adapter.folder, weight: 1 }];
  const base = await convertTo(newFolder(), { base: repository.folder, quantisation: 'f32' });
  const target = newFolder();
  const merged = await convertTo(target, { base: repository.folder, quantisation: 'f32', adapters });
  const lora = join(target, 'adapter.gguf');
  await writeAdapterGguf({ adapter: await folderFiles(adapter.folder), basePath: base, output: lora });
  return { base, merged, lora, target };
}

const largest = (a: Float32Array[], b: Float32Array[]): number =>
  Math.max(...a.map((row, at) => Math.max(...row.map((x, i) => Math.abs(x - (b[at]?.[i] ?? NaN))))));

describe('a GGUF LoRA over its base answers as the merged model', () => {
  it.each<[string, TinyRepositoryOptions, TinyAdapterOptions]>([
    ['llama', {}, {}],
    ['llama, rank-stabilised, with patterns', {}, { rankStabilised: true, rankPattern: { q_proj: 6 } }],
    ['llama, adapter in bf16 as .bin', {}, { dtype: 'bf16', file: 'bin' }],
    ['llama with the embedding', {}, { embedding: true }],
    ['qwen2', { architecture: 'qwen2' }, {}],
    ['qwen3', { architecture: 'qwen3' }, {}],
    ['falcon 7B', { architecture: 'falcon-7b' }, {}],
    ['falcon 40B', { architecture: 'falcon-40b', heads: 8, keyValueHeads: 2 }, {}],
  ])('%s', async (_, options, adapterOptions) => {
    const { base, merged, lora } = await make(options, adapterOptions);
    const model = new OracleModel(base);
    const other = new OracleModel(merged);
    const expected = other.logits(tokens);
    expect(largest(model.logits(tokens, { path: lora, scale: 1 }), expected)).toBeLessThan(1e-3);
    expect(largest(model.logits(tokens), expected)).toBeGreaterThan(2e-2);
    model.close();
    other.close();
  });
});

/** A nearly full disk, a quota or a share may take less of a write than it was given, and say no more than how much. */
async function withShortWrites(work: () => Promise<unknown>): Promise<void> {
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  type Write = (...given: [bytes: unknown, offset: number, length: number, at: number]) => unknown;
  const real = Reflect.get(prototype, 'write') as Write;
  const short = function (this: FileHandle, ...[bytes, offset, length, at]: Parameters<Write>) {
    return real.call(this, bytes, offset, Math.ceil(length / 2), at);
  };
  vi.spyOn(prototype, 'write').mockImplementation(short as never);
  try {
    await work();
  } finally {
    vi.restoreAllMocks();
  }
}

it('a GGUF LoRA is whole where the disk takes less at a time than it was given', async () => {
  const repository = await writeTinyRepository(newFolder(), {});
  const { folder: adapter } = await writeTinyAdapter(newFolder(), repository, {});
  const target = newFolder();
  const basePath = await convertTo(target, { base: repository.folder, quantisation: 'f32' });
  const write = async (name: string): Promise<string> => {
    const output = join(target, name);
    await writeAdapterGguf({ adapter: await folderFiles(adapter), basePath, output });
    return output;
  };
  const whole = await write('whole.gguf');
  await withShortWrites(() => write('short.gguf'));
  expect((await readFile(join(target, 'short.gguf'))).equals(await readFile(whole))).toBe(true);
});

it('a GGUF LoRA that is stopped while it is hashed does not appear', async () => {
  const repository = await writeTinyRepository(newFolder(), {});
  const { folder: adapter } = await writeTinyAdapter(newFolder(), repository, {});
  const target = newFolder();
  const basePath = await convertTo(target, { base: repository.folder, quantisation: 'f32' });
  const { signal, stop } = await stoppedAtSync();
  onTestFinished(stop);
  const output = join(target, 'adapter.gguf');
  const writing = writeAdapterGguf({ adapter: await folderFiles(adapter), basePath, output, signal });
  await expect(writing).rejects.toThrow('aborted');
  expect(await readdir(target)).toEqual(['model.gguf']);
});

/** A signal that is aborted when what was written goes to the disk. */
async function stoppedAtSync(): Promise<{ signal: AbortSignal; stop: () => void }> {
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const stopping = new AbortController();
  const real = Reflect.get(prototype, 'sync');
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(function (this: FileHandle) {
    stopping.abort();
    return real.call(this);
  });
  return { signal: stopping.signal, stop: () => spy.mockRestore() };
}

describe('an adapter that cannot be switched', () => {
  it.each<[string, TinyRepositoryOptions, TinyAdapterOptions]>([
    ['replaces tensors', {}, { replaced: ['lm_head.weight'] }],
    ['changes an embedding that is the output', { tied: true }, { embedding: true }],
    ['changes biases', { architecture: 'qwen2' }, { loraBias: true, targets: ['q_proj'] }],
  ])('%s: is refused, and leaves nothing', async (_, options, adapterOptions) => {
    await expect(make(options, adapterOptions)).rejects.toMatchObject({ code: 'adapter-mismatch' });
    expect(await readdir(join(folder.path, String(count)))).toEqual(['model.gguf']);
  });
});
