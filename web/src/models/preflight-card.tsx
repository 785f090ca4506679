import type { Preflight } from '@corral/app/contracts/models';
import { ApiError } from '../api/request.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { bytes } from '../ui/times.ts';
import { FitMark } from './catalogue-row.tsx';
import { startPull } from './pull.ts';

const words = viewStrings.models;

function Problem({ error }: { error: Error }) {
  const page = error instanceof ApiError ? error.details['page'] : undefined;
  return (
    <div role="alert" className="problem">
      <p>{error.message}</p>
      {error instanceof ApiError && error.hint && <p className="small">{error.hint}</p>}
      {typeof page === 'string' && (
        <a href={page} target="_blank" rel="noopener noreferrer">
          {words.openPage}
        </a>
      )}
    </div>
  );
}

export interface PreflightCardProps {
  preflight: Preflight | null;
  error: Error | null;
  onStarted: () => void;
}

/** What getting a model would mean, before a byte of weights travels. */
export function PreflightCard({ preflight, error, onStarted }: PreflightCardProps) {
  if (error) return <Problem error={error} />;
  if (!preflight) return null;
  const get = (isForced: boolean): void => {
    startPull(preflight.id, isForced);
    onStarted();
  };
  return (
    <div className="preflight" role="status">
      <p className="pick__title">
        {preflight.id} <FitMark fit={preflight.verdict} />
      </p>
      <p className="small soft figures pick__figures">
        <span>{words.actions[preflight.action]}</span>
        <span>{words.download(bytes(preflight.downloadBytes))}</span>
        <span>{words.result(bytes(preflight.resultBytes))}</span>
        {preflight.licence && <span>{preflight.licence}</span>}
        {preflight.tokensPerSecond !== null && (
          <span>{words.expected(strings.speed(preflight.tokensPerSecond))}</span>
        )}
      </p>
      {preflight.notes.length > 0 && (
        <ul className="notes small">
          {preflight.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {preflight.action !== 'ready' && (
        <Button kind="primary" onClick={() => get(preflight.verdict === 'will-not-fit')}>
          {preflight.verdict === 'will-not-fit' ? words.pullAnyway : words.pull}
        </Button>
      )}
    </div>
  );
}
