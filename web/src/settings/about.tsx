import { Lock } from 'lucide-react';
import { useLoad, useSystem } from '../api/queries.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { bytes } from '../ui/times.ts';
import { LoadChart } from './load-chart.tsx';
import { SignOut } from './sign-out.tsx';

const words = viewStrings.settings;

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <div className="facts__row">
      <dt className="soft">{label}</dt>
      <dd className="figures">{value}</dd>
    </div>
  );
}

export function About() {
  const system = useSystem().data;
  const load = useLoad().data;
  if (!system || !load) return <div className="woven woven--moving" />;
  const { machine, versions } = system;
  const gpus = machine.gpus.map((gpu) => gpu.name).join(', ');
  return (
    <>
      <dl className="facts">
        <Fact label={words.version} value={`${strings.product} ${system.version}`} />
        {versions.engine && <Fact label={words.engine} value={versions.engine} />}
        <Fact label={words.node} value={versions.node} />
        <Fact label={words.store} value={versions.store} />
        <Fact
          label={words.machine}
          value={`${machine.processor}, ${machine.cores} × ${machine.architecture}`}
        />
        <Fact
          label={words.memory}
          value={`${bytes(machine.memoryBytes)}, ${bytes(machine.availableMemoryBytes)} ${words.free}`}
        />
        {gpus !== '' && <Fact label={words.graphics} value={gpus} />}
        {machine.freeDiskBytes !== null && <Fact label={words.disk} value={bytes(machine.freeDiskBytes)} />}
        <Fact label={words.home} value={system.home} />
      </dl>
      <LoadChart load={load} />
      <p className="small soft">{isSecureContext ? words.asApp : words.noApp}</p>
      {system.locked.length > 0 && (
        <>
          <h3 className="panel__title">
            <Lock size={14} aria-hidden /> {words.locked}
          </h3>
          <p className="small soft">{words.lockedNote}</p>
          <dl className="facts">
            {system.locked.map((entry) => (
              <Fact
                key={entry.name}
                label={entry.name}
                value={`${entry.value === null ? words.secret : String(entry.value)} (${entry.source})`}
              />
            ))}
          </dl>
        </>
      )}
      <SignOut />
    </>
  );
}
