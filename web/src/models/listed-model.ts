import type { ListedModel } from '@corral/app/contracts/api/models';

/** The model of the list that a reference means; it may leave the quantisation out. */
export function listedModel(models: readonly ListedModel[], reference: string): ListedModel | undefined {
  return models.find(({ id }) => id === reference) ?? models.find(({ id }) => id.startsWith(`${reference}:`));
}
