import { shownJob } from './routes/model-routes.ts';
import type { ServerContext } from './server-context.ts';

/** Kinds of background work after which there are other models than before. */
const modelJobs = new Set(['pull', 'import', 'adapter']);

/** Tells open tabs what changed elsewhere, and the metrics what was answered. Gives back what ends that. */
export function forwardNotices({
  jobs,
  chats,
  engines,
  providers,
  streams,
  metrics,
  log,
  mask,
}: ServerContext): () => void {
  const stopJobs = jobs.onChange((job) => {
    streams.notify(job.owner, { type: 'job-changed', job: shownJob(job) });
    if (job.state === 'done' && modelJobs.has(job.kind))
      streams.notify(job.owner, { type: 'models-changed' });
  });
  const modelsChanged = (): void => streams.notifyAll({ type: 'models-changed' });
  const stopEngines = engines.onChange(modelsChanged);
  const stopProviders = providers?.onChange(modelsChanged);
  const stopChats = chats.onChange((notice) => {
    if (notice.type !== 'run-changed' || notice.state !== 'ended') return;
    chats
      .receipt(notice.owner, notice.runId)
      .then((receipt) => metrics.receipt(receipt))
      // A run that never began, and one of a temporary chat, has no receipt.
      .catch((error: unknown) => log.debug({ error: mask(String(error)) }, 'a run ended without a receipt'));
  });
  return () => {
    stopJobs();
    stopEngines();
    stopProviders?.();
    stopChats();
  };
}
