import './child/call-stacks.ts';
import { CancelLine } from './child/cancel-line.ts';
import { Channel } from './child/channel.ts';
import { dieWithParent } from './child/libc.ts';
import { Session } from './child/session.ts';
import { mainDescriptor, signalDescriptor } from './protocol.ts';

/**
 * The engine child. It is started by the parent side of this adapter with the two descriptors of protocol.ts, no
 * arguments and no configuration; it opens no port, reads no environment and no other file than those it is named.
 */
// Ctrl-C and a service manager's stop reach the whole group. The server decides when its engines end: until then answers
// go on, and an engine that left first would look like one that crashed.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);

const diesWithParent = dieWithParent();
let session: Session | null = null;
const cancelLine = new CancelLine(signalDescriptor, (ticket) => session?.cancel(ticket));
const channel = new Channel(mainDescriptor, {
  onRequest: (request) => session?.handle(request),
  onEnd: () => process.exit(0),
});
session = new Session({ channel, cancelLine, diesWithParent });
