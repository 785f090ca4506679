import { existsSync } from 'node:fs';
import { AppError } from '../../contracts/app-error.ts';
import { absolutePath } from '../../models/absolute-path.ts';
import { formatReference, namesPath, parseReference } from '../../models/reference.ts';

/**
 * The same reference with its files and folders by their whole paths: a server that runs has a working folder and a
 * home of its own. What is no reference stays as it is, for the server to say what is wrong with it.
 */
export function absoluteReference(text: string, folder = process.cwd()): string {
  if (!namesPath(text)) return text;
  const reference = parseReference(text);
  if (!('adapters' in reference)) return text;
  const adapters = reference.adapters.map((adapter) =>
    adapter.kind === 'local' ? { ...adapter, path: nameablePath(adapter.path, folder) } : adapter,
  );
  return formatReference(
    reference.kind === 'local'
      ? { ...reference, adapters, path: nameablePath(reference.path, folder) }
      : { ...reference, adapters },
  );
}

function nameablePath(path: string, folder: string): string {
  const whole = absolutePath(path, folder);
  // Where no such file is, a bare `x.gguf` is a name of the list, or `service:x.gguf`.
  if (path !== '~' && !path.includes('/') && !existsSync(whole)) return path;
  if (!whole.includes('+')) return whole;
  throw new AppError('model-reference-invalid', `${whole} cannot be named: what follows a + is an adapter.`, {
    hint: 'Make a link to it whose path has no +, and name that.',
  });
}
