import { createStore } from '../state/store.ts';
import { remembered } from '../ui/browser.ts';

/** A folder exists while a chat is in it; one that was made by hand stays in this browser until it is deleted. */
export const emptyFolders = createStore(remembered.read<readonly string[]>('folders', []));

emptyFolders.subscribe(() => remembered.write('folders', emptyFolders.get()));
