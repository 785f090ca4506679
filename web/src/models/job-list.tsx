import type { ShownJob } from '@corral/app/contracts/api/jobs';
import { useJobs } from '../api/queries.ts';
import { viewStrings } from '../strings-views.ts';
import { isActive, JobProgress } from './job-progress.tsx';

const words = viewStrings.models;
const kinds = new Set(['pull', 'import', 'adapter']);
const shownCount = 8;

export function referenceOf(job: ShownJob): string {
  const { reference } = job.payload;
  return typeof reference === 'string' ? reference : job.kind;
}

/** What is at work or waits to be taken up; resuming makes a new job, which stands in the place of the old one. */
export function openJobs(newestFirst: readonly ShownJob[]): ShownJob[] {
  const known = new Set<string>();
  return newestFirst.filter((job) => {
    const key = `${job.kind} ${referenceOf(job)}`;
    if (!kinds.has(job.kind) || known.has(key)) return false;
    known.add(key);
    return isActive(job) || job.state === 'cancelled' || job.state === 'failed';
  });
}

export function JobList() {
  const jobs = openJobs(useJobs().data?.jobs ?? []);
  if (jobs.length === 0) return null;
  return (
    <section className="view__section">
      <h2>{words.jobs}</h2>
      <ul className="picks">
        {jobs.slice(0, shownCount).map((job) => (
          <li key={job.id} className="pick">
            <div className="pick__text">
              <span className="pick__title truncate">{referenceOf(job)}</span>
              {job.error && (
                <span className="small problem">
                  {job.error.message} {job.error.hint}
                </span>
              )}
            </div>
            <JobProgress job={job} />
          </li>
        ))}
      </ul>
    </section>
  );
}
