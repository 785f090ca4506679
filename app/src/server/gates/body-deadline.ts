import type { IncomingMessage } from 'node:http';
import { bodyTimeoutMs, silentUploadMs } from '../limits.ts';

interface Awaited {
  timer: NodeJS.Timeout;
  late: () => void;
}

/** Of every request whose body is still awaited. */
const bodies = new WeakMap<IncomingMessage, Awaited>();

/**
 * S14: a body is here in time, or `late` is called, once (slowloris). Node's own limit is for the whole of every request,
 * files of gigabytes too, so it is off and this stands in its place. Goes on where the answer is given before the body
 * was read: what is left of it is awaited, too.
 */
export function watchBody(request: IncomingMessage, late: () => void): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length === '0' && encoding === undefined) return;
  const body: Awaited = { timer: setTimeout(late, bodyTimeoutMs).unref(), late };
  bodies.set(request, body);
  request.once('close', () => {
    clearTimeout(body.timer);
    bodies.delete(request);
  });
}

/** For a file of any size: it may take as long as it goes on coming. */
export function awaitLongBody(request: IncomingMessage): void {
  const body = bodies.get(request);
  if (body === undefined) return;
  clearTimeout(body.timer);
  let before = request.socket.bytesRead;
  const look = (): void => {
    const now = request.socket.bytesRead;
    // Bytes that wait for us are not the sender's fault.
    if (now === before && request.readableLength === 0) return body.late();
    before = now;
    body.timer = setTimeout(look, silentUploadMs).unref();
  };
  body.timer = setTimeout(look, silentUploadMs).unref();
}
