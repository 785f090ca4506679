import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../../test/fixtures/models/convert-folder.ts';
import {
  encodePytorchBin,
  spacedView,
  transposedView,
  type BinTensor,
} from '../../../test/fixtures/models/pytorch-bin-writer.ts';
import { streamedFiles } from '../../../test/fixtures/models/streamed-files.ts';
import { writeTinyAdapter } from '../../../test/fixtures/models/tiny-adapter.ts';
import {
  storedBytes,
  writeTinyRepository,
  type StoredAs,
  type TinyRepository,
} from '../../../test/fixtures/models/tiny-repository.ts';
import { temporaryFolder } from '../../../test/fixtures/temporary-folder.ts';
import { convert } from './convert.ts';
import { folderFiles } from './folder-files.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let count = 0;
const newFolder = (): string => join(folder.path, `t${(count += 1)}`);
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => await folder.remove());

/** A repository whose weights are a `.bin`, each tensor changed into another view of the same values. */
async function repositoryOf(
  dtype: StoredAs,
  view: (tensor: BinTensor) => BinTensor,
): Promise<TinyRepository> {
  const repository = await writeTinyRepository(newFolder(), { layers: 2, dtype });
  const tensors = [...repository.tensors].map(([name, { shape, values }]) =>
    view({ name, dtype, shape, bytes: storedBytes(values, dtype) }),
  );
  await rm(join(repository.folder, 'model.safetensors'));
  await writeFile(join(repository.folder, 'pytorch_model.bin'), encodePytorchBin(tensors));
  return repository;
}

const hashOf = async (repository: TinyRepository): Promise<string> =>
  (await convertFolder(newFolder(), { base: repository.folder })).sha256;

describe('tensors whose values do not lie in order', () => {
  it.each<[StoredAs, string, (tensor: BinTensor) => BinTensor]>([
    ['f32', 'transposed', transposedView],
    ['f16', 'transposed', transposedView],
    ['bf16', 'rows of something wider', (tensor) => spacedView(tensor, 1, 7)],
    ['f16', 'every third value', (tensor) => spacedView(tensor, 3, 2)],
  ])('%s, %s: become the same file', async (dtype, _, view) => {
    const plain = await repositoryOf(dtype, (tensor) => tensor);
    expect(await hashOf(await repositoryOf(dtype, view))).toBe(await hashOf(plain));
  });

  it('of an adapter are merged alike', async () => {
    const repository = await writeTinyRepository(newFolder());
    const hashes = [];
    for (const isTransposed of [false, true]) {
      const options = { file: 'bin', embedding: true, dtype: 'f16', isTransposed } as const;
      const adapter = await writeTinyAdapter(newFolder(), repository, options);
      const adapters = [{ folder: adapter.folder, weight: 1 }];
      hashes.push((await convertFolder(newFolder(), { base: repository.folder, adapters })).sha256);
    }
    expect(hashes[1]).toBe(hashes[0]);
  });

  it('that come over a network are brought here first, and refused where nobody can', async () => {
    const repository = await repositoryOf('f16', transposedView);
    const { files, streams } = await streamedFiles(repository.folder);
    const target = newFolder();
    await mkdir(target);
    const options = {
      base: files,
      adapters: [],
      quantisation: 'q4_k_m',
      output: join(target, 'model.gguf'),
      journal: join(target, 'model.journal'),
      workers: 1,
    } as const;
    const refused = async (): Promise<void> => {
      for await (const _ of convert(options)) continue;
    };
    await expect(refused()).rejects.toMatchObject({
      code: 'model-unsupported',
      hint: expect.stringMatching(/import/) as string,
    });
    expect(await readdir(target)).toEqual([]);
    const local = await folderFiles(repository.folder);
    const brought: string[] = [];
    const bringHere = (name: string): ReturnType<typeof local.shard> => {
      brought.push(name);
      return local.shard(name);
    };
    for await (const step of convert({ ...options, bringHere }))
      if (step.type === 'done') expect(step.result.sha256).toBe(await hashOf(repository));
    expect(brought).toEqual(['pytorch_model.bin']);
    expect(streams).toEqual([]);
    expect((await stat(options.output)).size).toBeGreaterThan(0);
  });
});
