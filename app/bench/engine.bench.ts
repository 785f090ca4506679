/**
 * The figures of the engine. LLAMA_BENCH and LLAMA_SERVER name the peer's programs of the same release; a row whose
 * peer is missing is left out, and said so. Models with random weights are made on the first run and kept in
 * ~/.cache/corral-bench, or where BENCH_MODELS says; parts and models are chosen after a colon: `npm run bench -- engine:cancel,memory,134m-q8_0`.
 */
import { availableParallelism } from 'node:os';
import { createLlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import { benchModel, type BenchModel } from './bench-models.ts';
import { busyRows } from './engine-busy.ts';
import { cancelRows } from './engine-cancel.ts';
import { memoryRow } from './engine-memory.ts';
import { restartRow } from './engine-restart.ts';
import { manyRows } from './engine-many.ts';
import { servedRows } from './engine-served.ts';
import { overheadRows, streamRow } from './engine-speed.ts';

const modelNames = ['134m-q8_0', '1.1b-q4_k_m'];

export async function run(context: BenchContext): Promise<void> {
  const named = modelNames.filter((name) => context.only.includes(name));
  const parts = context.only.filter((part) => !named.includes(part));
  const wanted = (part: string): boolean => parts.length === 0 || parts.includes(part);
  const models: BenchModel[] = [];
  for (const name of named.length > 0 ? named : modelNames) models.push(await benchModel(name));
  context.log(`${availableParallelism()} cores; models: ${models.map((model) => model.name).join(', ')}`);
  for (const model of models) {
    const place = await createLlamaWorkplace();
    try {
      if (wanted('stream')) await streamRow(context, place, model);
      if (wanted('overhead')) await overheadRows(context, place, model);
      if (wanted('cancel')) await cancelRows(context, place, model);
      if (wanted('memory')) await memoryRow(context, place, model);
      if (wanted('restart')) await restartRow(context, place, model);
    } finally {
      await place.close();
    }
    if (wanted('busy')) await busyRows(context, model);
    if (wanted('served')) await servedRows(context, model);
  }
  const last = models.at(-1);
  if (wanted('many') && last) await manyRows(context, last);
}
