import type { NativeContext } from './context.ts';
import type { ThreadController } from './thread-controller.ts';

export interface ThreadTime {
  threads: number;
  tokenMs: number;
}

export interface MeasureOptions {
  context: NativeContext;
  threads: ThreadController;
  maxThreads: number;
  token: number;
}

const mostSteps = 4;
/** A large model is timed by fewer steps. */
const stepsBudgetMs = 250;
/** All of measuring takes about this long at most. */
const budgetMs = 1500;
/** More threads must be this much faster to be worth the cores they take from everybody else. */
const worthwhile = 0.97;

/** Times one token at several thread counts, the most first, and sets the fewest that is as fast as any. */
export function measureThreads(options: MeasureOptions): ThreadTime[] {
  const { context, threads, maxThreads } = options;
  const counts = [
    ...new Set([1, 0.75, 0.5, 0.25].map((share) => Math.max(1, Math.round(maxThreads * share)))),
  ];
  const started = performance.now();
  threads.watch();
  const times: ThreadTime[] = [];
  for (const count of counts) {
    if (times.length > 0 && performance.now() - started > budgetMs) break;
    threads.set(count);
    step(options);
    times.push({ threads: count, tokenMs: timeSteps(options) });
  }
  context.truncate(0, 0);
  const best = Math.min(...times.map((time) => time.tokenMs));
  const enough = times
    .filter((time) => time.tokenMs * worthwhile <= best)
    .sort((a, b) => a.threads - b.threads);
  threads.begin(enough[0]?.threads ?? maxThreads);
  return times;
}

/** The fastest but one: the fastest may be luck, the others somebody else's. */
function timeSteps(options: MeasureOptions): number {
  const samples: number[] = [];
  let spentMs = 0;
  while (samples.length === 0 || (samples.length < mostSteps && spentMs < stepsBudgetMs)) {
    const ms = step(options);
    samples.push(ms);
    spentMs += ms;
  }
  samples.sort((a, b) => a - b);
  return samples[1] ?? samples[0] ?? 0;
}

function step({ context, token }: MeasureOptions): number {
  context.startBatch();
  context.add(token, context.lengthOf(0), 0, true);
  const started = performance.now();
  context.decode();
  return performance.now() - started;
}
