import type { Load } from '@corral/app/contracts/api/system';
import '../styles/charts.css';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { modelName } from '../ui/model-name.ts';
import { bytes } from '../ui/times.ts';

const words = viewStrings.settings;

interface Part {
  name: string;
  bytes: number;
  kind: 'model' | 'other' | 'free';
}

/** What the machine's memory is taken by. Weights that are mapped from disk count as free in some systems' sum. */
function partsOf({ memoryBytes, availableMemoryBytes, models }: Load): Part[] {
  const ours = models.flatMap(({ model, memory }): Part[] =>
    memory ? [{ name: modelName(model), bytes: memory.residentBytes, kind: 'model' }] : [],
  );
  const taken = ours.reduce((sum, part) => sum + part.bytes, 0);
  const other = Math.max(0, memoryBytes - availableMemoryBytes - taken);
  const free = Math.max(0, memoryBytes - taken - other);
  return [
    ...ours,
    { name: words.otherPrograms, bytes: other, kind: 'other' },
    { name: words.free, bytes: free, kind: 'free' },
  ];
}

function MemoryBar({ load }: { load: Load }) {
  const parts = partsOf(load);
  const share = (count: number): number => (count / load.memoryBytes) * 100;
  const taken = parts.reduce((sum, part) => sum + (part.kind === 'model' ? part.bytes : 0), 0);
  const label = words.ofMemory(taken === 0 ? words.noModels : bytes(taken), bytes(load.memoryBytes));
  return (
    <>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={label}>
        {parts.map(({ name, bytes: count, kind }, index) => {
          const left = share(parts.slice(0, index).reduce((sum, part) => sum + part.bytes, 0));
          return (
            <rect key={name} x={left} y="0" width={share(count)} height="4" className={`chart-${kind}`} />
          );
        })}
      </svg>
      <ul className="legend small soft figures">
        {parts.map(({ name, bytes: count, kind }) => (
          <li key={name} className={`legend__item legend__item--${kind}`}>
            {name} {bytes(count)}
          </li>
        ))}
      </ul>
    </>
  );
}

function Users({ models }: Pick<Load, 'models'>) {
  return (
    <table className="chart__table figures">
      <thead>
        <tr>
          {[words.model, words.bytes, words.answering, words.inQueue].map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {models.map(({ model, state, memory, answering, waiting }) => (
          <tr key={model}>
            <th scope="row">{modelName(model)}</th>
            <td>
              {memory
                ? bytes(memory.residentBytes)
                : state === 'loading'
                  ? viewStrings.models.states.loading
                  : words.elsewhere}
            </td>
            <td>{strings.number(answering)}</td>
            <td>{strings.number(waiting)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What the models take of this machine's memory, and who waits for them. */
export function LoadChart({ load }: { load: Load }) {
  return (
    <section className="chart">
      <h3 className="panel__title">{words.inMemory}</h3>
      <MemoryBar load={load} />
      {load.models.length > 0 && <Users models={load.models} />}
    </section>
  );
}
