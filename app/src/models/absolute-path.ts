import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The whole path of what a person named, from the folder that the person is in; `~` is the home of this program. */
export function absolutePath(path: string, folder = process.cwd()): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : resolve(folder, path);
}
