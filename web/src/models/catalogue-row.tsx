import type { JudgedEntry } from '@corral/app/contracts/api/models';
import { Download } from 'lucide-react';
import { useJobs } from '../api/queries.ts';
import { startChatWith } from '../state/actions.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { bytes } from '../ui/times.ts';
import { JobProgress } from './job-progress.tsx';
import { startPull } from './pull.ts';

export function FitMark({ fit }: { fit: 'fits' | 'tight' | 'will-not-fit' }) {
  return (
    <span className="fit" data-fit={fit}>
      {strings.fit[fit]}
    </span>
  );
}

/** A model worth having, judged for this machine. */
export function CatalogueRow({ entry }: { entry: JudgedEntry }) {
  const jobs = useJobs().data?.jobs ?? [];
  const job = jobs.find(
    (other) =>
      other.payload['reference'] === entry.id && (other.state === 'waiting' || other.state === 'working'),
  );
  return (
    <li className="pick">
      <div className="pick__text">
        <span className="pick__title">
          {entry.title} <FitMark fit={entry.fit} />
        </span>
        <span className="small soft pick__about">{entry.description}</span>
        <span className="small soft figures pick__figures">
          <span>{bytes(entry.sizeBytes)}</span>
          <span>{entry.licence}</span>
          {entry.expectedTokensPerSecond !== null && (
            <span>{viewStrings.models.expected(strings.speed(entry.expectedTokensPerSecond))}</span>
          )}
          {entry.gated && <span>{viewStrings.models.gatedTitle}</span>}
        </span>
      </div>
      {job ? (
        <JobProgress job={job} />
      ) : entry.here ? (
        <Button onClick={() => startChatWith(entry.id)}>{viewStrings.models.use}</Button>
      ) : (
        <Button disabled={entry.fit === 'will-not-fit'} onClick={() => startPull(entry.id)}>
          <Download size={16} strokeWidth={1.75} aria-hidden />
          {viewStrings.models.pull}
        </Button>
      )}
    </li>
  );
}
