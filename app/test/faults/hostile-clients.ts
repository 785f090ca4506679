import { connect, type Socket } from 'node:net';

/** Clients that hold connections without using them as they should; closing takes all of them away. */
export interface HostileClients {
  sockets: Socket[];
  close(): void;
}

function open(address: string, first: string): Socket {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  socket.write(first);
  return socket;
}

/** Headers that never end, one byte at a time. */
export function slowClients(address: string, count: number): HostileClients {
  const sockets = Array.from({ length: count }, () =>
    open(address, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: '),
  );
  const drip = setInterval(() => {
    for (const socket of sockets) socket.write('a');
  }, 250);
  return {
    sockets,
    close() {
      clearInterval(drip);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Readers of a stream that take nothing of it, as behind a network that went away without a word. */
export function halfOpenClients(address: string, path: string, count: number): HostileClients {
  const { host } = new URL(address);
  const sockets = Array.from({ length: count }, () => {
    const socket = open(address, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    socket.pause();
    return socket;
  });
  return {
    sockets,
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
