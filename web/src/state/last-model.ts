import { keys, queryClient } from '../api/queries.ts';
import { modelsApi, settingsApi, systemApi } from '../api/resources.ts';
import { remembered } from '../ui/browser.ts';

const name = 'model-of-last-chat';

/** The model that was chosen in the chat of this browser that was answered last; undefined: that of any new chat. */
export function lastModel(): string | undefined {
  return remembered.read<string | undefined>(name, undefined);
}

/** It is there, and neither the person's preferences nor the operator say which model a new chat has. */
async function isFree(model: string): Promise<boolean> {
  const [{ models }, { locked }, { settings }] = await Promise.all([
    queryClient.fetchQuery({ queryKey: keys.models, queryFn: modelsApi.list }),
    queryClient.fetchQuery({ queryKey: keys.system, queryFn: systemApi.show }),
    queryClient.fetchQuery({ queryKey: keys.preferences, queryFn: settingsApi.preferences }),
  ]);
  return (
    settings.model === undefined &&
    !locked.some((setting) => setting.name === 'model') &&
    models.some(({ id }) => id === model)
  );
}

/** Forgotten where it may not be what a new chat begins with; kept where nobody can be asked. */
export async function checkLastModel(model = lastModel()): Promise<void> {
  const isKept = model !== undefined && (await isFree(model).catch(() => model === lastModel()));
  remembered.write(name, isKept ? model : undefined);
}
