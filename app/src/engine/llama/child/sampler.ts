import { AppError } from '../../../contracts/app-error.ts';
import type { TokenLogprob } from '../../../contracts/run-parts.ts';
import { samplingDefaults, type Sampling } from '../../../contracts/sampling.ts';
import type { Grammar } from './grammar.ts';
import { loadLogitKernels } from './logit-kernels.ts';
import { brokenLogits, describeToken } from './logprobs.ts';
import { Penalties } from './penalties.ts';
import { drawAt } from './random.ts';
import { TopCandidates } from './top-candidates.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Candidates looked at where no top-k bounds them, few at first: usually they hold all that top-p and min-p leave. */
const looks = [64, 512, Number.POSITIVE_INFINITY];

/** Buffers that all samplers share: sampling is synchronous. */
const candidates = new TopCandidates(await loadLogitKernels());
let weights = new Float64Array(512);

export interface Drawn {
  id: number;
  logprob: TokenLogprob | null;
}

export interface SamplerOptions {
  sampling: Sampling;
  vocabulary: Vocabulary;
  grammar: Grammar | null;
  seed: number;
  contextTokens: number;
  drawnTokens: number;
}

/** Chooses the next token of one request from a row of logits, which it may change in place. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #penalties: Penalties;
  readonly #bias: [number, number][];
  readonly #temperature: number;
  readonly #topK: number;
  readonly #topP: number;
  readonly #minP: number;
  #position: number;

  constructor(options: SamplerOptions) {
    const { sampling, contextTokens } = options;
    const settings = { ...samplingDefaults, ...sampling };
    this.#options = options;
    this.#position = options.drawnTokens;
    this.#temperature = settings.temperature;
    this.#topK = settings.topK;
    this.#topP = settings.topP;
    this.#minP = settings.minP;
    this.#penalties = new Penalties({
      repetition: settings.repetitionPenalty,
      frequency: settings.frequencyPenalty,
      presence: settings.presencePenalty,
      window: settings.penaltyWindow < 0 ? contextTokens : settings.penaltyWindow,
    });
    this.#bias = biasOf(sampling, options.vocabulary);
  }

  /** Takes in a token that is there already, so that penalties know it. */
  see(id: number): void {
    this.#penalties.see(id);
  }

  /** Draws and moves on. Throws `AppError` when nothing can be drawn. */
  next(row: Float32Array): Drawn {
    const { sampling, vocabulary, grammar } = this.#options;
    const plain = sampling.logprobs === undefined ? null : row.slice();
    for (const [id, bias] of this.#bias) row[id] = row[id]! + bias;
    this.#penalties.apply(row);
    const id = grammar === null ? this.#draw(row) : this.#drawAllowed(row, grammar);
    this.#position++;
    this.#penalties.see(id);
    if (plain === null) return { id, logprob: null };
    return { id, logprob: describeToken(plain, id, sampling.logprobs ?? 0, vocabulary) };
  }

  free(): void {
    this.#options.grammar?.free();
  }

  /** Most drawn tokens are allowed as they are; only a refused one makes the whole row be asked. */
  #drawAllowed(row: Float32Array, grammar: Grammar): number {
    let id = this.#draw(row);
    if (!grammar.allows(id)) {
      if (!grammar.filter(row)) {
        throw new AppError('grammar-invalid', 'The grammar allows none of the tokens of this model here.');
      }
      id = this.#draw(row);
    }
    if (!this.#options.vocabulary.isEnd(id)) grammar.accept(id);
    return id;
  }

  #draw(row: Float32Array): number {
    candidates.read(row);
    if (this.#temperature <= 0) {
      select(1);
      return candidates.ids[0]!;
    }
    if (this.#topK > 0) {
      select(this.#topK);
      return this.#pick(this.#cut(candidates.length, () => massOf(candidates.logits, candidates.length)));
    }
    if (this.#topP >= 1 && this.#minP <= 0) return this.#drawFromAll(row);
    return this.#pick(this.#selectUnbounded());
  }

  /** Without top-k the answer is nearly always among the first few; only a flat distribution needs more. */
  #selectUnbounded(): number {
    select(1);
    const best = candidates.logits[0]!;
    const floor = this.#minP > 0 ? best + Math.log(this.#minP) - 1e-3 : Number.NEGATIVE_INFINITY;
    const mass = (): number => candidates.massOfAll(best);
    for (const count of looks) {
      select(count, floor);
      const kept = this.#cut(candidates.length, mass);
      if (kept < candidates.length || candidates.length < count) return kept;
    }
    return candidates.length;
  }

  /** How many of the selected survive top-p and min-p. */
  #cut(length: number, mass: () => number): number {
    const best = candidates.logits[0]!;
    let kept = length;
    if (this.#topP < 1) {
      const share = this.#topP * mass();
      let sum = 0;
      for (let index = 0; index < length; index++) {
        sum += Math.exp(candidates.logits[index]! - best);
        if (sum < share) continue;
        kept = index + 1;
        break;
      }
    }
    if (this.#minP <= 0) return kept;
    const floor = best + Math.log(this.#minP);
    while (kept > 1 && candidates.logits[kept - 1]! < floor) kept--;
    return kept;
  }

  #drawFromAll(row: Float32Array): number {
    select(1);
    const best = candidates.logits[0]!;
    let total = 0;
    for (let id = 0; id < row.length; id++) total += Math.exp((row[id]! - best) / this.#temperature);
    const target = drawAt(this.#options.seed, this.#position) * total;
    let sum = 0;
    for (let id = 0; id < row.length; id++) {
      sum += Math.exp((row[id]! - best) / this.#temperature);
      if (target < sum) return id;
    }
    return candidates.ids[0]!;
  }

  #pick(kept: number): number {
    if (weights.length < kept) weights = new Float64Array(kept);
    const best = candidates.logits[0]!;
    let total = 0;
    for (let index = 0; index < kept; index++) {
      total += Math.exp((candidates.logits[index]! - best) / this.#temperature);
      weights[index] = total;
    }
    const target = drawAt(this.#options.seed, this.#position) * total;
    for (let index = 0; index < kept; index++) {
      if (target < weights[index]!) return candidates.ids[index]!;
    }
    return candidates.ids[kept - 1]!;
  }
}

function select(count: number, above?: number): void {
  candidates.select(count, above);
  if (candidates.isBroken) throw brokenLogits();
  if (candidates.length === 0) throw new AppError('internal', 'Every token was banned.');
}

/** Sum of e^(logit - best) over the first ones of a sorted list. */
function massOf(logits: Float32Array, length: number): number {
  const best = logits[0]!;
  let sum = 0;
  for (let index = 0; index < length; index++) sum += Math.exp(logits[index]! - best);
  return sum;
}

function biasOf(sampling: Sampling, vocabulary: Vocabulary): [number, number][] {
  const bias: [number, number][] = Object.entries(sampling.logitBias ?? {}).map(([id, value]) => [
    Number(id),
    value <= -100 ? Number.NEGATIVE_INFINITY : value,
  ]);
  vocabulary.check(bias.map(([id]) => id));
  if (sampling.ignoreEos === true) {
    for (const id of vocabulary.endIds) bias.push([id, Number.NEGATIVE_INFINITY]);
  }
  return bias;
}
