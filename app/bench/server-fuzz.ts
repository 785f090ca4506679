import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { hostileTarget, sendManyHostile } from '../test/fixtures/hostile-requests.ts';
import type { BenchContext } from './bench.ts';
import { spread, type BenchRow } from './measure.ts';
import { foreignShare, readProcessorTime } from './processor-time.ts';
import type { HostFigures } from './server-host.ts';

/** BENCH_FUZZ_REQUESTS says how many (1,000,000 by hand), BENCH_FUZZ_SEED where their seeds begin. */
const wanted = Number(process.env['BENCH_FUZZ_REQUESTS'] ?? 20_000);
const firstSeed = Number(process.env['BENCH_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const parts = 20;

async function ask(host: ChildProcess): Promise<HostFigures> {
  const answer = once(host, 'message');
  host.send('figures');
  return (await answer)[0] as HostFigures;
}

/** Requests without sense over all routes of a server in a process of its own. */
export async function fuzz(context: BenchContext): Promise<void> {
  context.log(`${wanted} requests from seed ${firstSeed}`);
  const before = readProcessorTime();
  const host = fork(new URL('server-host.ts', import.meta.url));
  const ended: string[] = [];
  host.on('exit', (code, signal) => ended.push(`the server ended with ${code ?? signal}`));
  const target = await hostileTarget((await once(host, 'message'))[0] as string);
  const failures: string[] = [];
  const statuses: Record<string, number> = {};
  const figures: HostFigures[] = [];
  let sent = 0;
  for (let part = 1; part <= parts && failures.length + ended.length === 0; part++) {
    const until = Math.round((wanted * part) / parts);
    const report = await sendManyHostile(target, firstSeed + sent, (count) => sent + count >= until);
    sent += report.requests;
    failures.push(...report.failures);
    for (const [status, count] of Object.entries(report.statuses)) {
      statuses[status] = (statuses[status] ?? 0) + count;
    }
    if (ended.length > 0) break;
    figures.push(await ask(host));
    context.log(`${sent} sent, heap ${(figures.at(-1)!.heap / 2 ** 20).toFixed(1)} MiB`);
  }
  failures.push(...ended);
  host.removeAllListeners('exit');
  host.disconnect();
  for (const failure of failures) context.log(failure);
  const foreign = foreignShare(before, readProcessorTime());
  for (const row of rowsOf({ sent, failures, statuses, figures }))
    context.report({ ...row, rounds: 1, foreign });
}

interface Fuzzed {
  sent: number;
  failures: string[];
  statuses: Record<string, number>;
  figures: HostFigures[];
}

function rowsOf({ sent, failures, statuses, figures }: Fuzzed): Omit<BenchRow, 'rounds' | 'foreign'>[] {
  // The first quarter fills caches; what grows with every request grows after it as well.
  const steady = figures.slice(parts / 4);
  const heaps = steady.map(({ heap }) => heap / 2 ** 20);
  const perRequest = (((heaps.at(-1) ?? 0) - (heaps[0] ?? 0)) * 2 ** 20) / Math.max(1, sent * 0.75);
  const note = `seeds ${firstSeed} to ${firstSeed + sent - 1}; answers by status ${JSON.stringify(statuses)}`;
  const files = (figures.at(-1)?.files ?? 0) - (figures[0]?.files ?? 0);
  return [
    {
      name: 'requests without sense that were a 500, no answer, or the end of the server',
      ours: spread([failures.length]),
      unit: `of ${sent}`,
      goal: '0',
      isReached: failures.length === 0 && sent >= wanted,
      note,
    },
    {
      name: 'heap of the server while it was fuzzed',
      ours: spread(heaps),
      unit: 'MiB after a collection',
      goal: 'no growth: within 10 %',
      isReached: Math.max(...heaps) <= Math.min(...heaps) * 1.1,
      note: `${perRequest.toFixed(0)} bytes a request; descriptors ${files >= 0 ? '+' : ''}${files}`,
    },
  ];
}
