import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readModelFacts } from '../src/engine/llama/model-facts.ts';
import { engineProcesses, type LlamaWorkplace } from '../test/fixtures/llama-workplace.ts';
import type { BenchContext } from './bench.ts';
import type { BenchModel } from './bench-models.ts';
import { measured, steadyRequest, wordsOf } from './engine-words.ts';
import { single } from './measure.ts';

/** What a child holds beside the weights (those laid out anew too) and the KV cache, after a long prompt. */
export async function memoryRow(
  context: BenchContext,
  place: LlamaWorkplace,
  model: BenchModel,
): Promise<void> {
  const facts = await readModelFacts({ kind: 'file', id: model.name, adapters: [], ...model });
  const row = await single({
    name: `engine child beyond weights and KV, ${model.name}`,
    unit: 'MB',
    rounds: 5,
    measure: async () => {
      const engine = await place.load(model, { contextTokens: 2048, slots: 4 });
      await measured(engine, steadyRequest(wordsOf(1200, 1), 40));
      const [pid] = engineProcesses();
      const kvBytes = engine.describe().memory?.kvBytes ?? 0;
      const bytes = residentBeside(pid ?? 0, basename(model.path)) - facts.repackedBytes - kvBytes;
      await engine.close();
      return bytes / 1e6;
    },
    goal: '≤ 120 MB',
    isReached: ({ median }) => median <= 120,
    note: 'proportional set size: pages shared with other processes count by their share',
  });
  context.report(row);
}

/** Bytes of all mappings but those of the model file; pages shared with other processes (Node's own) count by their share. */
function residentBeside(pid: number, modelFile: string): number {
  let isModel = false;
  let kibibytes = 0;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /u.test(line)) isModel = line.endsWith(modelFile);
    const share = /^Pss:\s+(\d+)/u.exec(line);
    if (share && !isModel) kibibytes += Number(share[1]);
  }
  return kibibytes * 1024;
}
