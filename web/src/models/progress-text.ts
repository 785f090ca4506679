import type { ShownJob } from '@corral/app/contracts/api/jobs';
import type { PullProgress } from '@corral/app/contracts/models';
import { viewStrings } from '../strings-views.ts';
import { bytes, duration } from '../ui/times.ts';

const words = viewStrings.models;

export type Working = Extract<PullProgress, { type: 'progress' }>;

/** How far a pull has come; one that is paused, has failed or waits still has what it said last. */
export function workingOf(job: ShownJob): Working | null {
  const progress = job.progress as PullProgress | null;
  return progress?.type === 'progress' ? progress : null;
}

/** What a pull is at, and how far; how fast and how long still only while it is at it. */
export function progressText(job: ShownJob): string {
  const said = workingOf(job);
  if (!said) return words.jobStates[job.state];
  const amount = `${bytes(said.doneBytes)} / ${bytes(said.totalBytes)}`;
  if (job.state !== 'working') return `${words.jobStates[job.state]}, ${amount}`;
  return [
    `${words.phases[said.phase]} ${amount}`,
    ...(said.bytesPerSecond > 0 ? [words.perSecond(bytes(said.bytesPerSecond))] : []),
    ...(said.etaSeconds === null ? [] : [words.eta(duration(said.etaSeconds))]),
  ].join(', ');
}
