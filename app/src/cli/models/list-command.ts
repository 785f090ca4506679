import type { ListedModel, ShownModel } from '../../contracts/api/models.ts';
import { modelRoutes } from '../../contracts/api/models.ts';
import { type EffectiveSetting, settingsRoutes } from '../../contracts/api/settings.ts';
import { AppError } from '../../contracts/app-error.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { Api } from '../api.ts';
import type { Command } from '../command.ts';

/** `service:model`, which is an id as it stands. */
const ofService = /^[\w-]+:/;

/** The model that a new chat asks, by its id in the list; by the name that was chosen where it is not here. */
async function modelOfNewChat(api: Api, models: readonly ListedModel[]): Promise<string> {
  const { method, path } = settingsRoutes.effective;
  const { settings } = await api.request<{ settings: EffectiveSetting[] }>(method, path);
  const chosen = String(settings.find(({ name }) => name === 'model')?.value);
  if (ofService.test(chosen) || models.some(({ id }) => id === chosen)) return chosen;
  try {
    const { show } = modelRoutes;
    const shown = show.path.replace(':model', encodeURIComponent(chosen));
    return (await api.request<ShownModel>(show.method, shown)).id;
  } catch (error) {
    if (error instanceof AppError) return chosen;
    throw error;
  }
}

export const listCommand: Command = {
  name: 'list',
  about: 'List the models that are here and those of configured services.',
  options: [{ flags: '--provider <name>', about: 'only those of one service, or why it does not answer' }],
  async run(context, input) {
    const { output } = context;
    const api = await context.api();
    const { method, path } = modelRoutes.list;
    const { provider } = input.options;
    const query = provider === undefined ? '' : `?provider=${encodeURIComponent(String(provider))}`;
    const { models } = await api.request<{ models: ListedModel[] }>(method, path + query);
    const defaultModel = await modelOfNewChat(api, models);
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
