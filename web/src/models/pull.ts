import { invalidate, keys } from '../api/queries.ts';
import { modelsApi } from '../api/resources.ts';
import { attempt } from '../ui/problems.ts';

export function startPull(reference: string, isForced = false): void {
  attempt(async () => {
    await modelsApi.pull(reference, isForced);
    invalidate(keys.jobs);
  });
}
