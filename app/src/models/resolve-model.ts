import { AppError } from '../contracts/app-error.ts';
import { defaultQuantisation } from '../contracts/models.ts';
import { formatReference, type ModelReference } from './reference.ts';
import type { Manifest } from './registry/manifest-files.ts';

/** What the one that a reference names may be called here, the surest first: without a quantisation the default one. */
export function namesOf(reference: ModelReference): string[] {
  const text = formatReference(reference);
  return 'tag' in reference && reference.tag !== undefined
    ? [text]
    : [text, `${text}:${defaultQuantisation}`];
}

/** The model that a reference names, and no other. */
export function findNamed(reference: ModelReference, manifests: readonly Manifest[]): Manifest | undefined {
  for (const name of namesOf(reference)) {
    const found = manifests.find(({ record, aliases }) => record.id === name || aliases.includes(name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Those that a reference without a quantisation leaves open, newest first as manifests come. */
export function otherQuantisations(reference: ModelReference, manifests: readonly Manifest[]): Manifest[] {
  if ('tag' in reference && reference.tag !== undefined) return [];
  const start = `${formatReference(reference)}:`;
  return manifests.filter(({ record, aliases }) =>
    [record.id, ...aliases].some((name) => name.startsWith(start)),
  );
}

/** `others` are what the person may have taken for it. */
export function unknownModel(
  text: string,
  reference: ModelReference,
  others: readonly Manifest[] = [],
): AppError {
  const isPath = reference.kind === 'local';
  const command = isPath ? 'corral import' : 'corral pull';
  const get =
    reference.kind === 'name'
      ? '`corral list` shows what is here.'
      : `Get it with: ${command} ${formatReference(reference)}`;
  const ids = others.map(({ record }) => record.id).join(', ');
  // Whether anything is at a path is not said: who asks may be somebody else than who owns the disk.
  const what = isPath ? 'was not imported yet' : 'is not on this machine';
  return new AppError('model-unknown', `The model ${JSON.stringify(text)} ${what}.`, {
    hint: ids === '' ? get : `Here are: ${ids}. Name the one that is meant.`,
    details: { model: text },
  });
}
