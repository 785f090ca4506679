import { AppError } from '../../contracts/app-error.ts';
import { baseOf, isSameBase } from '../repository/base-models.ts';
import { readJson, type Repository } from '../repository/repository.ts';

/** The Hub id of the weights that an adapter belongs to, from its config or the table of known names. */
export async function findBase(adapter: Repository, signal: AbortSignal): Promise<string> {
  const named = await namedBase(adapter, signal);
  const base = baseOf(adapter.name, named);
  if (base !== undefined) return base;
  throw new AppError(
    'adapter-mismatch',
    `${adapter.name} does not say which model it belongs to${named === '' ? '' : `: ${JSON.stringify(named)} is a place on its author's machine`}.`,
    { hint: 'Name the model with --base owner/name.', details: { named } },
  );
}

export interface CheckBaseContext {
  /** The person named the base, so that the adapter's own word does not count. */
  base?: unknown;
  note(message: string): void;
  signal: AbortSignal;
}

/**
 * Refuses an adapter that was made for other weights. Where that cannot be known, it is let through with a note: the
 * adapter names a private path, or the base is a folder, whose name says nothing of the weights in it.
 */
export async function checkBase(
  adapter: Repository,
  base: Pick<Repository, 'name' | 'commit'>,
  context: CheckBaseContext,
): Promise<void> {
  if (context.base !== undefined) return;
  const named = await namedBase(adapter, context.signal);
  const meant = baseOf(adapter.name, named);
  if (meant !== undefined && (isSameBase(meant, base.name) || isSameBase(named, base.name))) return;
  if (meant === undefined || base.commit === null) {
    const said = meant === undefined ? 'does not say which model it was made for' : `was made for ${meant}`;
    context.note(`${adapter.name} ${said}; its tensors have to fit ${base.name}.`);
    return;
  }
  throw new AppError('adapter-mismatch', `${adapter.name} was made for ${meant}, not for ${base.name}.`, {
    hint: `Pull ${meant}+${adapter.name}, or give --base ${base.name} if the weights are the same.`,
    details: { adapter: adapter.name, madeFor: meant, base: base.name },
  });
}

/** What its config calls them: perhaps a mirror, or a place on the author’s machine. */
export async function namedBase(adapter: Repository, signal: AbortSignal): Promise<string> {
  const config = await readJson(adapter.content, 'adapter_config.json', signal);
  const named = config?.['base_model_name_or_path'];
  return typeof named === 'string' ? named.trim().slice(0, 500) : '';
}
