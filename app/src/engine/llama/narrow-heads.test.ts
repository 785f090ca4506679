import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLlamaWorkplace,
  engineProcesses,
  type LlamaWorkplace,
} from '../../../test/fixtures/llama-workplace.ts';
import { writeTinyGguf } from '../../../test/fixtures/tiny-gguf.ts';
import { readModelFacts } from './model-facts.ts';
import { libraryForNarrowHeads } from './narrow-heads.ts';

const haswell = 'libggml-cpu-haswell.so';

let place: LlamaWorkplace;

beforeAll(async () => {
  place = await createLlamaWorkplace();
});
afterAll(() => place.close());

async function modelOf(headLength: number) {
  const heads = 4;
  return writeTinyGguf(place.folder, { name: `heads-of-${headLength}`, width: heads * headLength, heads });
}

async function folderOf(name: string, files: readonly string[]): Promise<string> {
  const folder = join(place.folder, name);
  await mkdir(folder);
  for (const file of files) await writeFile(join(folder, file), '');
  return folder;
}

describe.runIf(process.arch === 'x64')('models with narrow heads on x64', () => {
  test('only a head that fills whole AVX2 steps and no AVX-512 step asks for the older library', async () => {
    const folder = await folderOf('processor', ['libggml-cpu-zen4.so', haswell]);
    const chosenFor = async (headLength: number): Promise<string | undefined> => {
      const { path, sha256 } = await modelOf(headLength);
      const facts = await readModelFacts({ kind: 'file', id: 'tiny', path, sha256, adapters: [] });
      expect(facts.headLength).toBe(headLength);
      return libraryForNarrowHeads(facts, folder);
    };
    expect(await chosenFor(16)).toBeUndefined();
    expect(await chosenFor(32)).toBe(join(folder, haswell));
    expect(await chosenFor(64)).toBeUndefined();
  });

  test('nothing is chosen where a GPU attends, or where the build has one library for all processors', async () => {
    const { path, sha256 } = await modelOf(32);
    const facts = await readModelFacts({ kind: 'file', id: 'tiny', path, sha256, adapters: [] });
    const withGpu = await folderOf('gpu', [haswell, 'libggml-cuda.so']);
    const ownBuild = await folderOf('own', ['libggml-cpu.so']);
    expect(await libraryForNarrowHeads(facts, withGpu)).toBeUndefined();
    expect(await libraryForNarrowHeads(facts, ownBuild)).toBeUndefined();
    expect(await libraryForNarrowHeads(facts, join(place.folder, 'nowhere'))).toBeUndefined();
  });

  test('the engine computes with the library that was chosen, and with no other beside it', async () => {
    const before = new Set(engineProcesses());
    await place.load(await modelOf(32));
    const pid = engineProcesses().find((one) => !before.has(one));
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
    const mapped = Array.from(maps.matchAll(/libggml-cpu-\w+\.so/gu), ([name]) => name);
    expect([...new Set(mapped)]).toEqual([haswell]);
  });
});
