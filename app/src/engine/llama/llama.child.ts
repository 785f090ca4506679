import { CancelLine } from './child/cancel-line.ts';
import { Channel } from './child/channel.ts';
import { dieWithParent } from './child/libc.ts';
import { Session } from './child/session.ts';
import { mainDescriptor, signalDescriptor } from './protocol.ts';

/**
 * The engine child. It is started by the parent side of this adapter with the two descriptors of protocol.ts, no
 * arguments and no configuration; it opens no port, reads no environment and no other file than those it is named.
 */
const diesWithParent = dieWithParent();
let session: Session | null = null;
const cancelLine = new CancelLine(signalDescriptor, (ticket) => session?.cancel(ticket));
const channel = new Channel(mainDescriptor, {
  onRequest: (request) => session?.handle(request),
  onEnd: () => process.exit(0),
});
session = new Session({ channel, cancelLine, diesWithParent });
