import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFacts } from './model-facts.ts';

/** ggml's kernels multiply so many half-precision numbers at once, and one by one what is left of a head. */
const atOnce = { avx512: 64, avx2: 32 } as const;
const avx2Library = 'libggml-cpu-haswell.so';

/**
 * The library for older processors, where it attends faster than the one that this machine would get: a head of 32
 * numbers is one by one with AVX-512, and at a depth of 400 Cria then writes 209 tokens a second instead of 1,158.
 * Undefined where there is no such library, or where a GPU attends.
 */
export async function libraryForNarrowHeads(
  facts: ModelFacts,
  directory: string,
): Promise<string | undefined> {
  const isNarrow = facts.headLength >= atOnce.avx2 && facts.headLength < atOnce.avx512;
  if (!isNarrow || process.arch !== 'x64') return undefined;
  const names = await readdir(directory).catch((): string[] => []);
  if (names.some((name) => /ggml-(cuda|vulkan)/u.test(name)) || !names.includes(avx2Library))
    return undefined;
  return join(directory, avx2Library);
}
