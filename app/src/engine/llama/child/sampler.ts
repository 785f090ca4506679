import { AppError } from '../../../contracts/app-error.ts';
import type { TokenLogprob } from '../../../contracts/run-parts.ts';
import { rareSamplingDefaults, samplingDefaults } from '../../../contracts/sampling-defaults.ts';
import type { Sampling } from '../../../contracts/sampling.ts';
import { dynamicTemperature, keepTypical, leaveOutTopChoices, massOf } from './candidate-filters.ts';
import { Dry } from './dry.ts';
import type { Grammar } from './grammar.ts';
import { loadLogitKernels } from './logit-kernels.ts';
import { brokenLogits, describeToken } from './logprobs.ts';
import { Mirostat } from './mirostat.ts';
import { Penalties } from './penalties.ts';
import { drawAt } from './random.ts';
import { TopCandidates } from './top-candidates.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Candidates looked at where no top-k bounds them, few at first: usually they hold all that top-p and min-p leave. */
const looks = [64, 512, Number.POSITIVE_INFINITY];

/**
 * Where a grammar refused what was drawn, another number draws again. The first one is not even any more: it is known
 * to have fallen among the refused.
 */
const redrawStream = 0x4752_4d52;

const defaults = { ...samplingDefaults, ...rareSamplingDefaults };
type Settings = { [Name in keyof typeof defaults]: NonNullable<Sampling[Name]> };

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
  readonly #settings: Settings;
  readonly #penalties: Penalties;
  readonly #dry: Dry;
  readonly #mirostat: Mirostat | null;
  readonly #bias: [number, number][];
  #position: number;

  constructor(options: SamplerOptions) {
    const { sampling, contextTokens, vocabulary } = options;
    const settings = { ...defaults, ...sampling };
    const window = (tokens: number): number => (tokens < 0 ? contextTokens : tokens);
    this.#options = options;
    this.#settings = settings;
    this.#position = options.drawnTokens;
    this.#penalties = new Penalties({
      repetition: settings.repetitionPenalty,
      frequency: settings.frequencyPenalty,
      presence: settings.presencePenalty,
      window: window(settings.penaltyWindow),
    });
    this.#dry = new Dry(
      {
        multiplier: settings.dryMultiplier,
        base: settings.dryBase,
        allowedLength: settings.dryAllowedLength,
        window: window(settings.dryWindow),
        breakers: settings.dryBreakers,
      },
      vocabulary,
    );
    this.#mirostat = mirostatOf(settings);
    this.#bias = biasOf(sampling, vocabulary);
  }

  /** Takes in a token that is there already, so that penalties know it. */
  see(id: number): void {
    this.#penalties.see(id);
    this.#dry.see(id);
  }

  /** Draws and moves on. Throws `AppError` when nothing can be drawn. */
  next(row: Float32Array): Drawn {
    const { sampling, vocabulary, grammar, seed } = this.#options;
    const plain = sampling.logprobs === undefined ? null : row.slice();
    for (const [id, bias] of this.#bias) row[id] = row[id]! + bias;
    this.#penalties.apply(row);
    this.#dry.apply(row);
    const id = grammar === null ? this.#draw(row, seed) : this.#drawAllowed(row, grammar);
    this.#position++;
    this.#mirostat?.take();
    this.see(id);
    if (plain === null) return { id, logprob: null };
    return { id, logprob: describeToken(plain, id, sampling.logprobs ?? 0, vocabulary) };
  }

  free(): void {
    this.#options.grammar?.free();
  }

  /** Most drawn tokens are allowed as they are; only a refused one makes the whole row be asked. */
  #drawAllowed(row: Float32Array, grammar: Grammar): number {
    const { seed, vocabulary } = this.#options;
    let id = this.#draw(row, seed);
    if (!grammar.allows(id)) {
      if (!grammar.filter(row)) {
        throw new AppError('grammar-invalid', 'The grammar allows none of the tokens of this model here.');
      }
      id = this.#draw(row, seed ^ redrawStream);
    }
    if (!vocabulary.isEnd(id)) grammar.accept(id);
    return id;
  }

  #draw(row: Float32Array, seed: number): number {
    const { temperature, topK, topP, minP, typicalP } = this.#settings;
    if (temperature > 0 && this.#mirostat !== null) return this.#steer(row, this.#mirostat, seed);
    candidates.read(row);
    if (temperature <= 0) {
      select(1);
      return candidates.ids[0]!;
    }
    if (topK > 0 || typicalP < 1) {
      select(topK > 0 ? topK : Number.POSITIVE_INFINITY);
      const kept = typicalP < 1 ? keepTypical(candidates, candidates.length, typicalP) : candidates.length;
      const cut = this.#cut(kept, () => massOf(candidates.logits, kept));
      return this.#pick(cut, seed);
    }
    if (topP >= 1 && minP <= 0 && !this.#looksAtAll()) return this.#drawFromAll(row, seed);
    return this.#pick(this.#selectUnbounded(), seed);
  }

  #steer(row: Float32Array, mirostat: Mirostat, seed: number): number {
    const id = mirostat.pick(row, candidates, { seed, position: this.#position });
    checkCandidates();
    return id;
  }

  /** Whether something after top-p and min-p has to know every candidate. */
  #looksAtAll(): boolean {
    return this.#settings.xtcProbability > 0 || this.#settings.dynamicTemperatureRange > 0;
  }

  /** Without top-k the answer is nearly always among the first few; only a flat distribution needs more. */
  #selectUnbounded(): number {
    const { minP } = this.#settings;
    select(1);
    const best = candidates.logits[0]!;
    const floor = minP > 0 ? best + Math.log(minP) - 1e-3 : Number.NEGATIVE_INFINITY;
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
    const { topP, minP } = this.#settings;
    const best = candidates.logits[0]!;
    let kept = length;
    if (topP < 1) {
      const share = topP * mass();
      let sum = 0;
      for (let index = 0; index < length; index++) {
        sum += Math.exp(candidates.logits[index]! - best);
        if (sum < share) continue;
        kept = index + 1;
        break;
      }
    }
    if (minP <= 0) return kept;
    const floor = best + Math.log(minP);
    while (kept > 1 && candidates.logits[kept - 1]! < floor) kept--;
    return kept;
  }

  #drawFromAll(row: Float32Array, seed: number): number {
    const { temperature } = this.#settings;
    select(1);
    const best = candidates.logits[0]!;
    let total = 0;
    for (let id = 0; id < row.length; id++) total += Math.exp((row[id]! - best) / temperature);
    const target = drawAt(seed, this.#position) * total;
    let sum = 0;
    for (let id = 0; id < row.length; id++) {
      sum += Math.exp((row[id]! - best) / temperature);
      if (target < sum) return id;
    }
    return candidates.ids[0]!;
  }

  #pick(cut: number, seed: number): number {
    const { xtcProbability, xtcThreshold, dynamicTemperatureRange, dynamicTemperatureExponent } =
      this.#settings;
    const xtc = { probability: xtcProbability, threshold: xtcThreshold };
    const kept = leaveOutTopChoices(candidates, cut, xtc, { seed, position: this.#position });
    const temperature = dynamicTemperature(candidates, kept, {
      temperature: this.#settings.temperature,
      range: dynamicTemperatureRange,
      exponent: dynamicTemperatureExponent,
    });
    return this.#weigh(kept, temperature, seed);
  }

  #weigh(kept: number, temperature: number, seed: number): number {
    if (weights.length < kept) weights = new Float64Array(kept);
    const best = candidates.logits[0]!;
    let total = 0;
    for (let index = 0; index < kept; index++) {
      total += Math.exp((candidates.logits[index]! - best) / temperature);
      weights[index] = total;
    }
    const target = drawAt(seed, this.#position) * total;
    for (let index = 0; index < kept; index++) {
      if (target < weights[index]!) return candidates.ids[index]!;
    }
    return candidates.ids[kept - 1]!;
  }
}

function select(count: number, above?: number): void {
  candidates.select(count, above);
  checkCandidates();
}

function checkCandidates(): void {
  if (candidates.isBroken) throw brokenLogits();
  if (candidates.length === 0) throw new AppError('internal', 'Every token was banned.');
}

function mirostatOf({
  mirostat,
  mirostatTau: tau,
  mirostatEta: eta,
  temperature,
}: Settings): Mirostat | null {
  return mirostat === 0 ? null : new Mirostat({ version: mirostat === 1 ? 1 : 2, tau, eta, temperature });
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
