import type { ShownJob } from '../../contracts/api/jobs.ts';
import { modelRoutes } from '../../contracts/api/models.ts';
import { toAppError } from '../../contracts/app-error.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { Command, CommandContext } from '../command.ts';
import { absoluteReference } from './absolute-reference.ts';
import { followJob } from './follow-job.ts';

export const pullCommand: Command = {
  name: 'pull',
  arguments: [{ name: '<reference...>', about: 'owner/name[@revision][+owner/adapter…][:quantisation]' }],
  about: 'Get models: from the Hugging Face Hub, adapters merged, quantised, in one pass.',
  options: [
    { flags: '--base <owner/name>', about: 'takes the place of the base that an adapter names' },
    { flags: '--force', about: 'go on although it will not fit in memory; read what is here whole' },
  ],
  settings: ['hubEndpoint', 'hubOffline'],
  async run(context, input) {
    const api = await context.api();
    const { base, force } = input.options;
    const jobs: [string, ShownJob][] = [];
    for (const reference of input.arguments) {
      const body = {
        reference: absoluteReference(reference),
        ...(base === undefined ? {} : { base: String(base) }),
        ...(force === true ? { force } : {}),
      };
      jobs.push([
        reference,
        await api.request<ShownJob>(modelRoutes.pull.method, modelRoutes.pull.path, { body }),
      ]);
    }
    // One that fails does not take the others with it; Ctrl-C stops them all.
    const ended = [];
    for (const [reference, job] of jobs)
      ended.push(
        await finish(context, reference, job).then(
          (model) => ({ reference, model }),
          (error: unknown) => ({ reference, error: toAppError(error) }),
        ),
      );
    const failures = ended.filter((one) => 'error' in one);
    const last = failures.pop();
    for (const { reference, error } of failures)
      context.output.note(`${reference}: ${[error.message, error.hint].filter(Boolean).join('\n')}`);
    if (last) throw last.error;
    context.output.json({ models: ended.map((one) => ('model' in one ? one.model : null)) });
  },
};

async function finish(context: CommandContext, reference: string, job: ShownJob) {
  const model = await followJob(context, job, reference);
  if (model !== null) context.output.line(`${model.id} is ready (${formatBytes(model.sizeBytes)}).`);
  return model;
}
