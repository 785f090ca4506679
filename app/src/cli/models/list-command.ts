import { type ListedModel, modelRoutes } from '../../contracts/api/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { Command } from '../command.ts';

export const listCommand: Command = {
  name: 'list',
  about: 'List the models that are here and those of configured services.',
  options: [{ flags: '--provider <name>', about: 'only those of one service, or why it does not answer' }],
  async run(context, input) {
    const { output, signal } = context;
    const api = await context.api();
    const { method, path } = modelRoutes.list;
    const { provider } = input.options;
    const query = provider === undefined ? '' : `?provider=${encodeURIComponent(String(provider))}`;
    const { models, defaultModel } = await api.request<{ models: ListedModel[]; defaultModel: string }>(
      method,
      path + query,
      { signal },
    );
    output.table(
      models.map((model) => [
        model.id === defaultModel ? `${model.id} *` : model.id,
        model.record === null ? '–' : formatBytes(model.record.sizeBytes),
        model.record?.quantisation ?? '–',
        model.record?.architecture ?? model.provider ?? '',
        model.record?.licence ?? '–',
        model.state === 'unloaded' ? '' : model.state,
      ]),
      ['model', 'size', 'type', 'kind', 'licence', ''],
    );
    output.json({ models, defaultModel });
  },
};
