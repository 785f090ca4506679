import type { ShownJob } from '../../contracts/api/jobs.ts';
import { modelRoutes } from '../../contracts/api/models.ts';
import type { AdapterRecord } from '../../contracts/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { RemoveResult } from '../../models/models.ts';
import type { Command } from '../command.ts';
import { absoluteReference } from './absolute-reference.ts';
import { followJob } from './follow-job.ts';

const addCommand: Command = {
  name: 'adapter add',
  arguments: [{ name: '<reference>', about: 'owner/adapter, or the path of a folder or a .gguf file' }],
  about: 'Keep a LoRA adapter beside its base, to be switched on while the model runs.',
  options: [{ flags: '--base <model>', about: 'the model of the list that it belongs to' }],
  settings: ['hubEndpoint', 'hubOffline'],
  async run(context, input) {
    const api = await context.api();
    const [reference = ''] = input.arguments;
    const { base } = input.options;
    const body = {
      reference: absoluteReference(reference),
      ...(base === undefined ? {} : { base: absoluteReference(String(base)) }),
    };
    const { method, path } = modelRoutes.addAdapter;
    const adapter = await followJob(context, await api.request<ShownJob>(method, path, { body }), reference);
    if (adapter !== null) context.output.line(`${adapter.id} is ready (${formatBytes(adapter.sizeBytes)}).`);
    context.output.json({ adapter });
  },
};

const listCommand: Command = {
  name: 'adapter list',
  about: 'List the adapters that are here and the models they belong to.',
  async run(context) {
    const { output } = context;
    const api = await context.api();
    const { method, path } = modelRoutes.adapters;
    const answer = await api.request<{ adapters: AdapterRecord[] }>(method, path);
    output.table(
      answer.adapters.map(({ id, base, sizeBytes, rank }) => [
        id,
        base,
        formatBytes(sizeBytes),
        String(rank ?? '–'),
      ]),
      ['adapter', 'model', 'size', 'rank'],
    );
    output.json(answer);
  },
};

const removeCommand: Command = {
  name: 'adapter rm',
  arguments: [{ name: '<id>', about: 'an adapter of the list' }],
  about: 'Remove an adapter from disk.',
  options: [{ flags: '--base <model>', about: 'the model it is kept for, where there are several' }],
  async run(context, input) {
    const { output } = context;
    const api = await context.api();
    const { method, path } = modelRoutes.removeAdapter;
    const [id = ''] = input.arguments;
    const { base } = input.options;
    const address = path.replace(':model', encodeURIComponent(id));
    const query = base === undefined ? '' : `?base=${encodeURIComponent(absoluteReference(String(base)))}`;
    const result = await api.request<RemoveResult>(method, address + query);
    output.line(`${result.removed.join(', ')} removed, ${formatBytes(result.freedBytes)} freed`);
    output.json(result);
  },
};

export const adapterCommands: readonly Command[] = [addCommand, listCommand, removeCommand];
