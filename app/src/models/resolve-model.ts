import { AppError } from '../contracts/app-error.ts';
import { defaultQuantisation } from '../contracts/models.ts';
import { formatReference, type ModelReference } from './reference.ts';
import type { Manifest } from './registry/manifest-files.ts';

/**
 * The manifest that a reference means among those that are here: the very one; without a quantisation the default one,
 * else the newest. Manifests come newest first.
 */
export function findManifest(
  reference: ModelReference,
  manifests: readonly Manifest[],
): Manifest | undefined {
  const text = formatReference(reference);
  const named = (id: string): Manifest | undefined =>
    manifests.find(({ record, aliases }) => record.id === id || aliases.includes(id));
  const exact = named(text);
  if (exact !== undefined || ('tag' in reference && reference.tag !== undefined)) return exact;
  const starts = (id: string): boolean => id.startsWith(`${text}:`);
  return (
    named(`${text}:${defaultQuantisation}`) ??
    manifests.find(({ record, aliases }) => [record.id, ...aliases].some(starts))
  );
}

export function unknownModel(text: string, reference: ModelReference): AppError {
  const command = reference.kind === 'local' ? 'corral import' : 'corral pull';
  return new AppError('model-unknown', `The model ${JSON.stringify(text)} is not on this machine.`, {
    hint:
      reference.kind === 'name'
        ? '`corral list` shows what is here.'
        : `Get it with: ${command} ${formatReference(reference)}`,
    details: { model: text },
  });
}
