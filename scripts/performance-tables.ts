import { readdirSync, readFileSync } from 'node:fs';
import { foreignLimit, type BenchRow, type Spread } from '../app/bench/measure.ts';

/** What `npm run bench` keeps of one bench; each row with the time it was measured. */
interface BenchResults {
  machine: { processor: string; cores: number; memoryGiB: number; kernel: string; node: string };
  rows: (BenchRow & { at?: string })[];
}

const folder = 'app/bench/results';

/** Bench → its table for docs/performance.md. */
export function performanceTables(): Map<string, string> {
  const names = readdirSync(folder).map((file) => file.replace('.json', ''));
  return new Map(
    names.toSorted().map((name) => {
      const text = readFileSync(`${folder}/${name}.json`, 'utf8');
      return [name, performanceTable(JSON.parse(text) as BenchResults)];
    }),
  );
}

/** Falling short is said as plainly as reaching, and what was measured beside others' work is not said to count. */
export function performanceTable({ machine, rows }: BenchResults): string {
  const lines = rows.map((row) => {
    const peer = row.peer ? spreadText(row.peer, row.unit) : '';
    const ratio = row.ratio === undefined ? '' : ` (${row.ratio.toFixed(2)} of it)`;
    const cells = [row.name, row.goal, spreadText(row.ours, row.unit), `${peer}${ratio}`];
    return [...cells, verdict(row), conditions(row)].map((cell) => cell.replaceAll('|', '\\|'));
  });
  const { processor, cores, memoryGiB, kernel, node } = machine;
  return [
    '| work | goal | measured | the other | says | when |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `Machine: ${processor}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}.`,
    ...remarks(rows),
  ].join('\n');
}

/** What a bench says of its own rows, once where several say the same. */
function remarks(rows: readonly BenchRow[]): string[] {
  const namesByNote = Map.groupBy(rows, ({ note }) => note ?? '');
  namesByNote.delete('');
  const lines = [...namesByNote].map(
    ([note, of]) => `- ${of.map(({ name }) => `*${name}*`).join('; ')}: ${note}`,
  );
  return lines.length === 0 ? [] : ['', ...lines];
}

function verdict({ isReached, foreign, peer, ratio }: BenchRow): string {
  const share = `others took ${Math.round(foreign * 100)} % of a core`;
  if (isReached === null) return peer && ratio === undefined ? `nothing: ${share}` : 'nothing';
  return `${isReached ? 'reached' : '**not reached**'}${foreign > foreignLimit ? `, while ${share}` : ''}`;
}

function conditions({ rounds, at }: BenchResults['rows'][number]): string {
  return `${at?.slice(0, 10) ?? ''}, ${rounds === 1 ? 'once' : `${rounds} rounds`}`;
}

function spreadText({ median, low, high }: Spread, unit: string): string {
  const range = low === high ? '' : ` (${numberText(low)} to ${numberText(high)})`;
  // A count has no unit.
  return `${numberText(median)}${unit === '' ? '' : ` ${unit}`}${range}`;
}

function numberText(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en');
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}
