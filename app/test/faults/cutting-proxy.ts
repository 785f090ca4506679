import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** The network between people and the server: it leads to wherever the server is now, and can be torn. */
export interface CuttingProxy {
  address: string;
  /** `http://127.0.0.1:PORT`, or nowhere. */
  leadTo(address: string): void;
  /** While it is torn, every connection is cut within so many milliseconds, in the middle of whatever passes. */
  tear(withinMs: number | null): void;
  /** How many connections were cut. */
  cuts: number;
  close(): Promise<void>;
}

export async function openCuttingProxy(random: () => number): Promise<CuttingProxy> {
  let target = new URL('http://127.0.0.1:1');
  let longestMs: number | null = null;
  const open = new Set<Socket>();
  const cutSoon = (socket: Socket, withinMs: number): void => {
    setTimeout(() => {
      if (!socket.destroyed) proxy.cuts += 1;
      socket.resetAndDestroy();
    }, random() * withinMs);
  };
  const server = createServer((person) => {
    const onward = connect({ host: target.hostname, port: Number(target.port) });
    for (const [socket, other] of [
      [person, onward],
      [onward, person],
    ] as const) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    if (longestMs !== null) cutSoon(person, longestMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy: CuttingProxy = {
    address: `http://127.0.0.1:${port}`,
    cuts: 0,
    leadTo: (address) => (target = new URL(address)),
    tear(withinMs) {
      longestMs = withinMs;
      if (withinMs !== null) for (const socket of open) cutSoon(socket, withinMs);
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
