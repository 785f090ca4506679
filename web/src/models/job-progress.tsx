import type { ShownJob } from '@corral/app/contracts/api/jobs';
import { Pause, Play } from 'lucide-react';
import { invalidate, keys } from '../api/queries.ts';
import { jobsApi } from '../api/resources.ts';
import { viewStrings } from '../strings-views.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { attempt } from '../ui/problems.ts';
import { progressText, workingOf } from './progress-text.ts';

export function isActive(job: ShownJob): boolean {
  return job.state === 'waiting' || job.state === 'working';
}

/** How far a pull is, how fast, how long still. */
export function JobProgress({ job }: { job: ShownJob }) {
  const working = workingOf(job);
  const share = working && working.totalBytes > 0 ? working.doneBytes / working.totalBytes : undefined;
  const change = (work: () => Promise<unknown>): void =>
    attempt(async () => {
      await work();
      invalidate(keys.jobs);
    });
  return (
    <div className="job-progress">
      <progress
        className="bar"
        max={1}
        {...(share === undefined ? {} : { value: share })}
        aria-label={viewStrings.models.pulling}
      />
      <span className="small soft figures">{progressText(job)}</span>
      {isActive(job) ? (
        <IconButton label={viewStrings.models.pause} onClick={() => change(() => jobsApi.cancel(job.id))}>
          <Pause />
        </IconButton>
      ) : (
        job.state !== 'done' && (
          <IconButton label={viewStrings.models.resume} onClick={() => change(() => jobsApi.resume(job.id))}>
            <Play />
          </IconButton>
        )
      )}
    </div>
  );
}
