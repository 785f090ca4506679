import { setTimeout as sleep } from 'node:timers/promises';
import { jobRoutes, type ShownJob } from '../../contracts/api/jobs.ts';
import { AppError, type ErrorBody } from '../../contracts/app-error.ts';
import {
  type AdapterRecord,
  type ModelRecord,
  type PullProgress,
  pullProgressSchema,
} from '../../contracts/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { CommandContext } from '../command.ts';

const pollMs = 250;

/**
 * Shows a job's progress until it ends; resolves with what it made. Ctrl-C stops the job, which keeps what is verified.
 */
export async function followJob(
  context: CommandContext,
  started: ShownJob,
  label: string,
): Promise<ModelRecord | AdapterRecord | null> {
  const api = await context.api();
  const bar = context.output.progress(label);
  const show = createDisplay(context, bar);
  const path = jobRoutes.show.path.replace(':id', started.id);
  let job = started;
  while (job.state === 'waiting' || job.state === 'working') {
    try {
      await sleep(pollMs, undefined, { signal: context.signal });
    } catch {
      await api.request(jobRoutes.cancel.method, path);
      bar.done('stopped; the same command goes on from here');
      throw new AppError('cancelled', `${label} was stopped.`);
    }
    job = await api.request<ShownJob>(jobRoutes.show.method, path);
    show(job);
  }
  if (job.state === 'done') {
    bar.done('ready');
    return madeBy(job);
  }
  bar.done(job.state);
  throw job.error === null
    ? new AppError('cancelled', `${label} was cancelled.`)
    : AppError.fromJSON(job.error as ErrorBody);
}

type Bar = ReturnType<CommandContext['output']['progress']>;

/** Shows what a job says, each remark once; also why an attempt failed, after which it waits for the next. */
function createDisplay(context: CommandContext, bar: Bar): (job: ShownJob) => void {
  let noted = '';
  let toldAttempts = 0;
  const note = (message: string): void => {
    if (message !== noted) context.output.note(message);
    noted = message;
  };
  return ({ state, attempts, error, progress }) => {
    // By their number: one that fails at once is never seen at work.
    if (state === 'waiting' && error !== null && attempts !== toldAttempts) {
      context.output.note(`${error.message} It is tried again soon.`);
      toldAttempts = attempts;
    }
    const said = pullProgressSchema.safeParse(progress);
    if (!said.success) return;
    if (said.data.type === 'progress') bar.update(fractionOf(said.data), describeProgress(said.data));
    if (said.data.type === 'note') note(said.data.message);
  };
}

function madeBy(job: ShownJob): ModelRecord | AdapterRecord | null {
  const { progress } = job;
  const made = progress?.['type'] === 'done' ? (progress['model'] ?? progress['adapter']) : null;
  return (made ?? null) as ModelRecord | AdapterRecord | null;
}

type ProgressEvent = Extract<PullProgress, { type: 'progress' }>;

function fractionOf({ doneBytes, totalBytes }: ProgressEvent): number | null {
  return totalBytes === 0 ? null : Math.min(1, doneBytes / totalBytes);
}

const phaseWords = {
  resolve: 'looking',
  download: 'fetching',
  convert: 'converting',
  verify: 'checking',
} as const;

/** `fetching model.gguf: 1.2 GB of 4.1 GB, 23 MB/s, 2 min 5 s left`. */
export function describeProgress(event: ProgressEvent): string {
  const file = event.file === undefined ? '' : ` ${event.file}`;
  const parts = [`${formatBytes(event.doneBytes)} of ${formatBytes(event.totalBytes)}`];
  if (event.bytesPerSecond > 0) parts.push(`${formatBytes(event.bytesPerSecond)}/s`);
  if (event.etaSeconds !== null && event.etaSeconds >= 1)
    parts.push(`${formatSeconds(event.etaSeconds)} left`);
  return `${phaseWords[event.phase]}${file}: ${parts.join(', ')}`;
}

export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
