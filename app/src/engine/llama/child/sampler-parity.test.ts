import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { address, inout, load, pointer, struct } from 'koffi';
import { describe, expect, it } from 'vitest';
import { processorPackageFolder } from '../libraries.ts';
import { dynamicTemperature, keepTypical, leaveOutTopChoices, massOf } from './candidate-filters.ts';
import { loadLogitKernels } from './logit-kernels.ts';
import { Mirostat } from './mirostat.ts';
import { drawAt } from './random.ts';
import type { Pointer } from './structs.ts';
import { TopCandidates } from './top-candidates.ts';

// The library's own samplers of the same names, as far as they do not draw: what they leave, and how likely it is then.

const folder = processorPackageFolder();
const library = (name: string) => {
  const file = readdirSync(folder).find((entry) => entry.startsWith(`${name}.`) && entry.endsWith('.so'));
  return load(join(folder, file ?? name), { global: true });
};
library('libggml-base');
library('libggml');
const llama = library('libllama');
const tokenArray = struct({ data: 'void *', size: 'size_t', selected: 'int64_t', sorted: 'bool' });
const apply = llama.func('llama_sampler_apply', 'void', ['void *', inout(pointer(tokenArray))] as never);
const free = llama.func('llama_sampler_free', 'void', ['void *']) as (sampler: Pointer) => void;
const make = (name: string, types: string[], ...values: number[]): Pointer =>
  (llama.func(`llama_sampler_init_${name}`, 'void *', types) as (...given: number[]) => Pointer)(...values);

const words = 3;
const kernels = await loadLogitKernels();

/** Token ids and logits that are left, by rising id. */
type Left = [id: number, logit: number][];

function libraryLeaves(sampler: Pointer, row: Float32Array): Left {
  const memory = new SharedArrayBuffer(row.length * words * 4);
  const ids = new Int32Array(memory);
  const floats = new Float32Array(memory);
  row.forEach((logit, id) => {
    ids[id * words] = id;
    floats[id * words + 1] = logit;
  });
  const array = { data: address(ids), size: row.length, selected: -1, sorted: false };
  (apply as (sampler: Pointer, array: object) => void)(sampler, array);
  free(sampler);
  // XTC leaves out the first ones by moving the beginning.
  const first = Number(array.data - address(ids)) / (words * 4);
  const left = Array.from({ length: array.size }, (_, index): [number, number] => [
    ids[(first + index) * words]!,
    floats[(first + index) * words + 1]!,
  ]);
  return left.sort(([a], [b]) => a - b);
}

function ourLeaves(row: Float32Array, filter: (candidates: TopCandidates) => number, heat = 1): Left {
  const candidates = new TopCandidates(kernels);
  candidates.read(row);
  candidates.select(Number.POSITIVE_INFINITY);
  const length = filter(candidates);
  const left = Array.from({ length }, (_, index): [number, number] => [
    candidates.ids[index]!,
    candidates.logits[index]! / heat,
  ]);
  return left.sort(([a], [b]) => a - b);
}

/** Rows from nearly flat to nearly certain. */
const rows = [0.2, 1, 3, 8].flatMap((spread) =>
  [1, 2, 3].map((seed) =>
    Float32Array.from({ length: 700 }, (_, id) => {
      const around = drawAt(seed, id) + drawAt(seed + 50, id) + drawAt(seed + 90, id) - 1.5;
      return Math.fround(around * spread * 3);
    }),
  ),
);
const draw = { seed: 1, position: 0 };
const ids = (left: Left): number[] => left.map(([id]) => id);

/** The share of each that is left: logits may differ by what they have in common. */
function shares(left: Left): number[] {
  const logits = left.map(([, logit]) => logit);
  const best = Math.max(...logits);
  const sorted = Float32Array.from(logits.toSorted((a, b) => b - a));
  const mass = massOf(sorted, sorted.length);
  return logits.map((logit) => Math.exp(logit - best) / mass);
}

describe('like the sampler of that name in llama.cpp', () => {
  it.each([0.1, 0.5, 0.95])('typical-p %s', (share) => {
    for (const row of rows) {
      const theirs = libraryLeaves(make('typical', ['float', 'size_t'], share, 1), row);
      const ours = ourLeaves(row, (candidates) => keepTypical(candidates, candidates.length, share));
      // The one at the edge may differ by rounding: both sum up single precision.
      expect(Math.abs(ours.length - theirs.length)).toBeLessThanOrEqual(1);
      const known = new Set(ids(theirs));
      expect(ids(ours).filter((id) => !known.has(id)).length).toBeLessThanOrEqual(1);
    }
  });

  it.each([0.01, 0.05, 0.1, 0.4])('XTC with threshold %s', (threshold) => {
    const types = ['float', 'float', 'size_t', 'uint32_t'];
    for (const row of rows) {
      const theirs = libraryLeaves(make('xtc', types, 1, threshold, 1, 7), row);
      const ours = ourLeaves(row, (candidates) =>
        leaveOutTopChoices(candidates, candidates.length, { probability: 1, threshold }, draw),
      );
      expect(ids(ours)).toEqual(ids(theirs));
    }
  });

  it.each([
    { temperature: 0.8, range: 0.5, exponent: 1 },
    { temperature: 1.5, range: 1, exponent: 2 },
    { temperature: 0.3, range: 0.9, exponent: 0.5 },
  ])('dynamic temperature $temperature ± $range ^ $exponent', (settings) => {
    const { temperature, range, exponent } = settings;
    for (const row of rows) {
      const sampler = make('temp_ext', ['float', 'float', 'float'], temperature, range, exponent);
      const theirs = shares(libraryLeaves(sampler, row));
      let heat = 1;
      const left = ourLeaves(row, (candidates) => {
        heat = dynamicTemperature(candidates, candidates.length, settings);
        return candidates.length;
      });
      const ours = shares(left.map(([id, logit]) => [id, logit / heat]));
      for (const [index, share] of ours.entries()) expect(share).toBeCloseTo(theirs[index]!, 4);
    }
  });

  it.each([1, 2] as const)('what Mirostat %s leaves to draw from', (version) => {
    for (const tau of [0.5, 2, 4]) {
      for (const row of rows) {
        const sampler =
          version === 1
            ? make(
                'mirostat',
                ['int32_t', 'uint32_t', 'float', 'float', 'int32_t'],
                row.length,
                7,
                tau,
                0.1,
                100,
              )
            : make('mirostat_v2', ['uint32_t', 'float', 'float'], 7, tau, 0.1);
        const theirs = libraryLeaves(sampler, row);
        const candidates = new TopCandidates(kernels);
        new Mirostat({ version, tau, eta: 0.1, temperature: 1 }).pick(row, candidates, draw);
        const ours = Array.from(candidates.ids.subarray(0, candidates.length)).sort((a, b) => a - b);
        expect(ours).toEqual(ids(theirs));
      }
    }
  });
});
