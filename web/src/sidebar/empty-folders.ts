import { remembered } from '../ui/browser.ts';

/** A folder exists while a chat is in it; an empty one waits in this browser for its first. */
export const emptyFolders = {
  read: () => remembered.read<string[]>('folders', []),
  write: (names: string[]) => remembered.write('folders', names),
};
