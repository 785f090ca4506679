import { AppError } from '../../../contracts/app-error.ts';
import type { TokenLogprob } from '../../../contracts/run-parts.ts';
import { loadLogitKernels } from './logit-kernels.ts';
import { TopCandidates } from './top-candidates.ts';
import type { Vocabulary } from './vocabulary.ts';

/** JSON has no infinity: what cannot be drawn at all gets this. */
const lowest = -1e9;
const candidates = new TopCandidates(await loadLogitKernels());

/** Log-probability of a token and of the `top` likeliest, by the model's own distribution before any setting. */
export function describeToken(
  row: Float32Array,
  id: number,
  top: number,
  vocabulary: Vocabulary,
): TokenLogprob {
  candidates.read(row);
  candidates.select(Math.max(1, top));
  if (candidates.isBroken) throw brokenLogits();
  const best = candidates.logits[0]!;
  const normaliser = best + Math.log(candidates.massOfAll(best));
  const alternatives = Array.from({ length: Math.min(top, candidates.length) }, (_, index) => {
    const alternative = candidates.ids[index]!;
    return {
      id: alternative,
      ...words(alternative, vocabulary),
      logprob: value(row, alternative, normaliser),
    };
  });
  return { id, ...words(id, vocabulary), logprob: value(row, id, normaliser), top: alternatives };
}

function value(row: Float32Array, id: number, normaliser: number): number {
  const logprob = row[id]! - normaliser;
  return Number.isFinite(logprob) ? logprob : lowest;
}

function words(id: number, vocabulary: Vocabulary): { text: string; bytes: number[] } {
  const bytes = vocabulary.specialPiece(id);
  return { text: Buffer.from(bytes).toString('utf8'), bytes: Array.from(bytes) };
}

/** What NaN weights, or an overflow, end a request with. */
export function brokenLogits(): AppError {
  return new AppError(
    'model-file-invalid',
    'The model computed values that are no numbers; its weights are damaged.',
    { hint: 'Check the file with `corral check`, or fetch it anew.' },
  );
}
