import { setTimeout as delay } from 'node:timers/promises';
import { foreignShare, readProcessorTime } from './processor-time.ts';

/** Others may take so much of one core; above it a ratio would say more about them than about us. */
export const foreignLimit = 0.15;

export interface Spread {
  median: number;
  low: number;
  high: number;
}

export interface BenchRow {
  name: string;
  unit: string;
  ours: Spread;
  /** Absent where the row has no peer. */
  peer?: Spread;
  /** Absent where others took too much of the processor, or there is no peer. */
  ratio?: number;
  goal: string;
  /** Null where it cannot be said. */
  isReached: boolean | null;
  rounds: number;
  /** Largest share of a core that others took in a round that counts. */
  foreign: number;
  note?: string;
}

export interface Round<Value = number> {
  value: Value;
  foreign: number;
}

export interface PairOptions {
  name: string;
  unit: string;
  /** At least five. */
  rounds?: number;
  ours: () => Promise<number>;
  peer: () => Promise<number>;
  goal: string;
  isReached: (ratio: number) => boolean;
  note?: string;
  /** Other programs of the bench itself, which take a core on purpose. */
  ignoreForeign?: boolean;
}

/** Runs both in turns, the order changing, so that what drifts hits both alike. */
export async function pair(options: PairOptions): Promise<BenchRow> {
  const { ours, peer } = await inTurns(
    { ours: options.ours, peer: options.peer },
    Math.max(5, options.rounds ?? 5),
  );
  return pairRow({ ...options, ours, peer });
}

/** Several things in turns, the order changing from round to round; what each gave, in the order of the rounds. */
export async function inTurns<Name extends string, Value>(
  turns: Record<Name, () => Promise<Value>>,
  rounds: number,
): Promise<Record<Name, Round<Value>[]>> {
  const names = Object.keys(turns) as Name[];
  const given = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Round<Value>[]
  >;
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed())
      given[name].push(await watched(turns[name]));
  return given;
}

export type PairRowOptions = Omit<PairOptions, 'ours' | 'peer' | 'rounds'> & {
  ours: readonly Round[];
  peer: readonly Round[];
};

/** The row of two things that were measured in turns. */
export function pairRow(options: PairRowOptions): BenchRow {
  const { ours, peer } = options;
  const foreign = Math.max(...[...ours, ...peer].map((one) => one.foreign));
  const [oursSpread, peerSpread] = [spreadOf(ours), spreadOf(peer)];
  const isCalm = foreign <= foreignLimit || options.ignoreForeign === true;
  const ratio = isCalm ? oursSpread.median / peerSpread.median : undefined;
  return {
    name: options.name,
    unit: options.unit,
    ours: oursSpread,
    peer: peerSpread,
    ...(ratio === undefined ? {} : { ratio }),
    goal: options.goal,
    isReached: ratio === undefined ? null : options.isReached(ratio),
    rounds: ours.length,
    foreign,
    ...(options.note === undefined ? {} : { note: options.note }),
  };
}

/** Another figure of the very rounds of a row that `pair` has measured; comparable when that one is. */
export function secondRow(
  row: BenchRow,
  values: { ours: readonly number[]; peer: readonly number[] },
  figure: Pick<PairOptions, 'name' | 'unit' | 'goal' | 'isReached'>,
): BenchRow {
  const [ours, peer] = [spread(values.ours), spread(values.peer)];
  const ratio = row.ratio === undefined ? undefined : ours.median / peer.median;
  return {
    name: figure.name,
    unit: figure.unit,
    ours,
    peer,
    ...(ratio === undefined ? {} : { ratio }),
    goal: figure.goal,
    isReached: ratio === undefined ? null : figure.isReached(ratio),
    rounds: row.rounds,
    foreign: row.foreign,
    note: 'of the same rounds as the row above',
  };
}

export interface SingleOptions {
  name: string;
  unit: string;
  rounds?: number;
  measure: () => Promise<number>;
  goal: string;
  /** Null: what was measured cannot tell. */
  isReached: (spread: Spread) => boolean | null;
  note?: string;
}

/** A figure of ours alone, held against a goal. */
export async function single(options: SingleOptions): Promise<BenchRow> {
  const rounds: Round[] = [];
  for (let round = 0; round < (options.rounds ?? 5); round++) rounds.push(await watched(options.measure));
  return singleRow({ ...options, rounds });
}

/** The row of a figure that was measured already. */
export function singleRow(
  options: Omit<SingleOptions, 'measure' | 'rounds'> & { rounds: readonly Round[] },
): BenchRow {
  const { rounds } = options;
  const ours = spreadOf(rounds);
  const foreign = Math.max(...rounds.map((one) => one.foreign));
  return {
    name: options.name,
    unit: options.unit,
    ours,
    goal: options.goal,
    isReached: options.isReached(ours),
    rounds: rounds.length,
    foreign,
    ...(options.note === undefined ? {} : { note: options.note }),
  };
}

/** Measures one round, begun when the machine is calm, or after a while all the same. */
export async function watched<Value>(measure: () => Promise<Value>): Promise<Round<Value>> {
  await calm();
  const before = readProcessorTime();
  const value = await measure();
  return { value, foreign: foreignShare(before, readProcessorTime()) };
}

const calmWaitMs = Number(process.env['BENCH_CALM_WAIT_MS'] ?? 20_000);

async function calm(): Promise<void> {
  const until = performance.now() + calmWaitMs;
  while (performance.now() < until) {
    const before = readProcessorTime();
    await delay(500);
    if (foreignShare(before, readProcessorTime()) <= foreignLimit) return;
  }
}

function spreadOf(rounds: readonly Round[]): Spread {
  return spread(rounds.map((round) => round.value));
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN };
}

/** Linear between neighbours; `sorted` ascends. */
export function quantile(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
