import { describe, expect, it } from 'vitest';
import type { Sampling } from '../../../contracts/sampling.ts';
import type { Grammar } from './grammar.ts';
import { loadLogitKernels } from './logit-kernels.ts';
import { Mirostat } from './mirostat.ts';
import { drawAt } from './random.ts';
import { Sampler } from './sampler.ts';
import { TopCandidates } from './top-candidates.ts';
import type { Vocabulary } from './vocabulary.ts';

const kernels = await loadLogitKernels();

/** The four things a sampler asks of a vocabulary; the real one is used in answers.test.ts. */
const vocabulary = {
  size: 2000,
  endIds: [2],
  isEnd: (id: number) => id === 2,
  check: () => undefined,
  specialPiece: () => new Uint8Array([97]),
} as unknown as Vocabulary;

function sampler(sampling: Sampling, drawnTokens = 0, grammar: Grammar | null = null): Sampler {
  return new Sampler({ sampling, vocabulary, grammar, seed: 7, contextTokens: 4096, drawnTokens });
}

/** A grammar that allows everything but one token. */
function refusing(refused: number): Grammar {
  const grammar = {
    allows: (id: number) => id !== refused,
    filter: (values: Float32Array) => {
      values[refused] = Number.NEGATIVE_INFINITY;
      return true;
    },
    accept: () => undefined,
  };
  return grammar as unknown as Grammar;
}

/** Logits of which token 5 is the best, then 6, 7, …; all others far below. */
function row(size = 2000): Float32Array {
  const values = new Float32Array(size).fill(-20);
  for (let index = 0; index < 20; index++) values[5 + index] = 10 - index * 0.5;
  return values;
}

function drawMany(sampling: Sampling, count = 400, size = 2000): Set<number> {
  const drawn = new Set<number>();
  const one = sampler(sampling);
  for (let index = 0; index < count; index++) drawn.add(one.next(row(size)).id);
  return drawn;
}

describe('drawAt', () => {
  it('depends on seed and position alone', () => {
    expect(drawAt(1, 5)).toBe(drawAt(1, 5));
    expect(drawAt(1, 5)).not.toBe(drawAt(1, 6));
    expect(drawAt(1, 5)).not.toBe(drawAt(2, 5));
  });

  it('is even, and neighbours do not resemble each other', () => {
    const bins = Array.from({ length: 10 }, () => 0);
    let product = 0;
    const draws = 20_000;
    for (let position = 0; position < draws; position++) {
      const value = drawAt(42, position);
      bins[Math.floor(value * 10)]!++;
      product += (value - 0.5) * (drawAt(42, position + 1) - 0.5);
    }
    for (const count of bins) expect(Math.abs(count - draws / 10)).toBeLessThan(draws * 0.01);
    expect(Math.abs(product / draws)).toBeLessThan(0.005);
  });
});

describe('TopCandidates', () => {
  it('finds the same best by insertion and by sorting everything', () => {
    const values = Float32Array.from({ length: 5000 }, (_, index) => Math.fround(drawAt(3, index) * 30 - 15));
    values[77] = values[78]!;
    const expected = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
    for (const count of [1, 40, 512, 513, 5000]) {
      const top = new TopCandidates(kernels);
      top.read(values);
      top.select(count);
      expect(Array.from(top.ids.subarray(0, top.length))).toEqual(expected.slice(0, count));
    }
  });

  it('keeps to what is above a floor, in rows of any length', () => {
    for (const length of [1, 15, 16, 17, 33, 250]) {
      const values = Float32Array.from({ length }, (_, index) => Math.fround(drawAt(5, index) * 30 - 15));
      const expected = [...values.keys()]
        .filter((id) => values[id]! > 2)
        .sort((a, b) => values[b]! - values[a]!);
      const top = new TopCandidates(kernels);
      top.read(values);
      top.select(40, 2);
      expect(Array.from(top.ids.subarray(0, top.length))).toEqual(expected.slice(0, 40));
    }
  });

  it('sums the whole row as closely as single precision allows', () => {
    for (const length of [1, 3, 4, 4099]) {
      const values = Float32Array.from({ length }, (_, index) => Math.fround(drawAt(9, index) * 200 - 190));
      values[0] = 10;
      if (length > 1) values[1] = Number.NEGATIVE_INFINITY;
      const exact = values.reduce((sum, value) => sum + Math.exp(value - 10), 0);
      const top = new TopCandidates(kernels);
      top.read(values);
      expect(top.massOfAll(10) / exact).toBeCloseTo(1, 6);
    }
  });

  it('tells of values that are no numbers', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const count of [1, 40, 5000]) {
        const values = new Float32Array(5000).fill(1);
        values[4321] = bad;
        const top = new TopCandidates(kernels);
        top.read(values);
        top.select(count);
        expect(top.isBroken).toBe(true);
      }
    }
  });
});

describe('Sampler', () => {
  it('is greedy at temperature 0', () => {
    expect(drawMany({ temperature: 0 })).toEqual(new Set([5]));
  });

  it('keeps to top-k', () => {
    expect([...drawMany({ temperature: 5, topK: 3, topP: 1, minP: 0 })].sort()).toEqual([5, 6, 7]);
  });

  it('keeps to top-p, alike with and without top-k', () => {
    // e^-0.5 steps: 39 %, 24 %, 15 %, 9 %, … of the mass.
    for (const topK of [0, 100]) {
      const drawn = drawMany({ temperature: 5, topK, topP: 0.6, minP: 0 });
      expect([...drawn].sort()).toEqual([5, 6]);
    }
  });

  it('keeps to min-p, alike with and without top-k', () => {
    for (const topK of [0, 100]) {
      const drawn = drawMany({ temperature: 5, topK, topP: 1, minP: 0.3 });
      expect([...drawn].sort()).toEqual([5, 6, 7]);
    }
  });

  it('draws from everything when nothing cuts', () => {
    const drawn = drawMany({ temperature: 5, topK: 0, topP: 1, minP: 0 }, 3000);
    expect([...drawn].some((id) => id > 100)).toBe(true);
  });

  it('bans and favours by logit bias', () => {
    expect(drawMany({ temperature: 0, logitBias: { 5: -100, 9: 50 } }, 1)).toEqual(new Set([9]));
    expect(drawMany({ temperature: 0, logitBias: { 5: -100 } }, 1)).toEqual(new Set([6]));
  });

  it('penalises what was said inside the window and forgets it outside', () => {
    const one = sampler({ temperature: 0, repetitionPenalty: 3, penaltyWindow: 2 });
    const ids = Array.from({ length: 4 }, () => one.next(row()).id);
    expect(ids).toEqual([5, 6, 7, 5]);
  });

  it('penalises by count with the frequency penalty, once with the presence penalty', () => {
    const frequency = sampler({ temperature: 0, frequencyPenalty: 0.3, penaltyWindow: 64 });
    for (const id of [5, 5]) frequency.see(id);
    expect(frequency.next(row()).id).toBe(6);
    const presence = sampler({ temperature: 0, presencePenalty: 0.3, penaltyWindow: 64 });
    for (const id of [5, 5]) presence.see(id);
    expect(presence.next(row()).id).toBe(5);
  });

  it('never draws an end token that is to be ignored', () => {
    const values = row();
    values[2] = 99;
    expect(sampler({ temperature: 0 }).next(values.slice()).id).toBe(2);
    expect(sampler({ temperature: 0, ignoreEos: true }).next(values.slice()).id).toBe(5);
  });

  it('goes on drawing where a resumed run was', () => {
    const settings: Sampling = { temperature: 1.5, topK: 0 };
    const whole = sampler(settings);
    const ids = Array.from({ length: 30 }, () => whole.next(row()).id);
    const resumed = sampler(settings, 10);
    expect(Array.from({ length: 20 }, () => resumed.next(row()).id)).toEqual(ids.slice(10));
  });

  it.each<[string, Sampling]>([
    ['top-k', { topK: 3 }],
    ['min-p', { topK: 0, minP: 0.01 }],
    ['nothing', { topK: 0 }],
    ['Mirostat', { mirostat: 2, mirostatTau: 10 }],
  ])('draws evenly from what a grammar leaves, with %s', (_, settings) => {
    const all: Sampling = { temperature: 1, topP: 1, minP: 0, ...settings };
    const draws = 20_000;
    const logits = [0.6, 0.2, 0.2].map(Math.log);
    const whole = sampler(all, 0, refusing(0));
    const drawn = Array.from({ length: draws }, () => whole.next(Float32Array.from(logits)).id);
    const first = drawn.filter((id) => id === 1).length;
    expect(drawn).not.toContain(0);
    expect(Math.abs(first / draws - 0.5)).toBeLessThan(0.02);
    if (all.mirostat !== undefined) return;
    const resumed = sampler(all, draws / 2, refusing(0));
    const rest = Array.from({ length: draws / 2 }, () => resumed.next(Float32Array.from(logits)).id);
    expect(rest).toEqual(drawn.slice(draws / 2));
  });

  it('reports the model’s own log-probabilities, before penalties', () => {
    const one = sampler({ temperature: 0, logprobs: 2, logitBias: { 5: -100 } });
    const { logprob } = one.next(row());
    expect(logprob?.id).toBe(6);
    expect(logprob?.top.map((token) => token.id)).toEqual([5, 6]);
    const sum = Array.from(row()).reduce((total, value) => total + Math.exp(value), 0);
    expect(logprob?.logprob).toBeCloseTo(Math.log(Math.exp(9.5) / sum), 4);
  });

  it('refuses broken logits', () => {
    expect(() => sampler({}).next(new Float32Array(2000).fill(Number.NaN))).toThrow('no numbers');
  });
});

describe('rarer samplers', () => {
  it.each([1, 2] as const)('Mirostat %s brings the surprise of what is drawn to its goal', (version) => {
    const values = Float32Array.from({ length: 2000 }, (_, id) => -1.2 * Math.log(id + 1));
    for (const tau of [2, 4]) {
      const mirostat = new Mirostat({ version, tau, eta: 0.1, temperature: 1 });
      const candidates = new TopCandidates(kernels);
      let sum = 0;
      for (let position = 0; position < 2000; position++) {
        const id = mirostat.pick(values, candidates, { seed: 7, position });
        mirostat.take();
        const left = candidates.logits.subarray(0, candidates.length);
        const mass = left.reduce((total, value) => total + Math.exp(value), 0);
        if (position >= 200) sum += (Math.log(mass) - values[id]!) / Math.LN2;
      }
      expect(sum / 1800).toBeCloseTo(tau, 1);
    }
  });

  it('typical-p leaves out what is too likely as well as what is too unlikely', () => {
    // One token of 30 %, seventy of 1 % each: those are nearly as surprising as the whole is.
    const values = new Float32Array(2000).fill(-30);
    values[5] = Math.log(0.3);
    for (let id = 10; id < 80; id++) values[id] = Math.log(0.01);
    for (const topK of [0, 100]) {
      const one = sampler({ temperature: 1, topK, topP: 1, minP: 0, typicalP: 0.4 });
      const drawn = new Set(Array.from({ length: 300 }, () => one.next(values.slice()).id));
      expect(drawn.has(5)).toBe(false);
      expect(drawn.size).toBeGreaterThan(20);
    }
  });

  it('typical-p of a large vocabulary takes little longer than sorting it', () => {
    const values = Float32Array.from({ length: 128_256 }, (_, id) => drawAt(11, id) * 10 - 5);
    const one = sampler({ temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 0.9 });
    // Time of this thread's own, in turns: what else the machine does counts for neither.
    const cost = (act: () => unknown): number => {
      const before = process.threadCpuUsage();
      act();
      const { user, system } = process.threadCpuUsage(before);
      return user + system;
    };
    const sorting: number[] = [];
    const drawing: number[] = [];
    for (let round = 0; round < 12; round++) {
      sorting.push(cost(() => Float64Array.from(values).sort()));
      drawing.push(cost(() => one.next(values.slice())));
    }
    expect(Math.min(...drawing)).toBeLessThan(3.5 * Math.min(...sorting));
  });

  it('XTC leaves out the likeliest as often as it is told', () => {
    const often = (xtcProbability: number): number => {
      const one = sampler({ temperature: 0.1, topK: 5, topP: 1, minP: 0, xtcProbability, xtcThreshold: 0.1 });
      const drawn = Array.from({ length: 1000 }, () => one.next(row()).id);
      return drawn.filter((id) => id === 5).length;
    };
    expect(often(0)).toBeGreaterThan(950);
    expect(often(1)).toBe(0);
    expect(Math.abs(often(0.5) - 500)).toBeLessThan(60);
  });

  it('XTC never takes the only likely one', () => {
    const one = sampler({
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0.5,
      xtcProbability: 1,
      xtcThreshold: 0.1,
    });
    const values = row();
    values[5] = 30;
    expect(one.next(values).id).toBe(5);
  });

  it('the temperature follows the doubt', () => {
    const kinds = (dynamicTemperatureRange: number, values: Float32Array): number => {
      const one = sampler({ temperature: 0.7, topK: 20, topP: 1, minP: 0, dynamicTemperatureRange });
      return new Set(Array.from({ length: 400 }, () => one.next(values.slice()).id)).size;
    };
    const sure = row();
    for (let id = 6; id < 25; id++) sure[id] = 7 - id * 0.1;
    expect(kinds(0.69, sure)).toBeLessThan(kinds(0, sure));
    expect(kinds(3, row())).toBeGreaterThan(kinds(0, row()));
  });

  it('a temperature that follows the doubt down to nothing draws the likeliest', () => {
    const one = sampler({
      temperature: 0.7,
      topK: 40,
      topP: 1,
      minP: 0,
      dynamicTemperatureRange: 0.7,
      dynamicTemperatureExponent: 10,
    });
    const values = row();
    values[9] = 110;
    expect(one.next(values).id).toBe(9);
  });

  it('DRY keeps an answer from going round in circles', () => {
    const one = sampler({ temperature: 0, dryMultiplier: 3 });
    for (const id of [5, 6, 7, 30, 5, 6]) one.see(id);
    const values = row();
    values[7] = 12;
    expect(one.next(values.slice()).id).not.toBe(7);
    const free = sampler({ temperature: 0 });
    expect(free.next(values.slice()).id).toBe(7);
  });

  it('temperature 0 stays greedy, whatever else is set', () => {
    const all: Sampling = { xtcProbability: 1, typicalP: 0.1, mirostat: 2, dynamicTemperatureRange: 2 };
    expect(drawMany({ ...all, temperature: 0 })).toEqual(new Set([5]));
  });

  it('each of them draws alike again, and where a resumed run was', () => {
    const settings: Sampling = { temperature: 1.5, topK: 0, xtcProbability: 0.5, typicalP: 0.9 };
    const whole = sampler(settings);
    const drawn = Array.from({ length: 30 }, () => whole.next(row()).id);
    const resumed = sampler(settings, 10);
    expect(Array.from({ length: 20 }, () => resumed.next(row()).id)).toEqual(drawn.slice(10));
  });

  it.each(['mirostat', 'xtcProbability'] as const)('broken logits are refused with %s too', (name) => {
    expect(() => sampler({ [name]: 1 }).next(new Float32Array(2000).fill(Number.NaN))).toThrow('no numbers');
  });
});
