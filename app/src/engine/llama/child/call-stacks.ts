import { config } from 'koffi';

/**
 * Koffi calls native code on stacks of its own: 1 MiB, and an eighth of that where it does not wait for the call. The
 * compiler of grammars goes a call deeper with each rule that begins with another. Pages that nothing reaches cost
 * nothing. Koffi takes this only before the first library is loaded.
 */
const stackBytes = 16 * 1024 * 1024;

config({ ...config(), sync_stack_size: stackBytes, async_stack_size: stackBytes });
