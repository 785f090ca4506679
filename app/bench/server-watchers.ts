/**
 * The other side of `bench -- server`: a process of its own that opens every stream, says when all are open, and notes
 * when which text came.
 * A tenth of the watchers stop reading, a tenth close their half of the connection and stay.
 */
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createParser } from 'eventsource-parser';

export interface WatchOrder {
  address: string;
  runs: { runId: string; kind: 'reading' | 'stalled' | 'half-open' }[];
}

export interface WatchReport {
  runId: string;
  /** Pairs: length of the text after an event, and when it came. */
  arrivals: Float64Array;
  isWhole: boolean;
  gaps: number;
}

const now = (): number => performance.timeOrigin + performance.now();

function read(address: string, runId: string, onOpen: () => void): Promise<WatchReport> {
  return new Promise((resolve) => {
    const arrivals: number[] = [];
    let length = 0;
    let gaps = 0;
    let isWhole = false;
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event === 'start') onOpen();
        if (event === 'end') isWhole = true;
        if (event !== 'text') return;
        const { offset, text } = JSON.parse(data) as { offset: number; text: string };
        if (offset !== length) gaps++;
        length = offset + text.length;
        arrivals.push(length, now());
      },
    });
    const done = (): void => resolve({ runId, arrivals: Float64Array.from(arrivals), isWhole, gaps });
    const answer = (message: IncomingMessage): void => {
      message.setEncoding('utf8');
      message.on('data', (chunk: string) => parser.feed(chunk));
      message.on('close', done);
    };
    request(`${address}/api/runs/${runId}/events`, { agent: false }, answer).on('error', done).end();
  });
}

function misbehave(address: string, runId: string, kind: 'stalled' | 'half-open'): void {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname, () => {
    socket.write(`GET /api/runs/${runId}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    if (kind === 'stalled') socket.pause();
    else setTimeout(() => socket.end(), 2000);
  });
  socket.on('error', () => undefined);
}

async function watchAll(order: WatchOrder): Promise<void> {
  const reading = order.runs.filter(({ kind }) => kind === 'reading');
  for (const { runId, kind } of order.runs) if (kind !== 'reading') misbehave(order.address, runId, kind);
  let open = 0;
  const onOpen = (): void => {
    if (++open === reading.length) process.send?.('open');
  };
  const reports = await Promise.all(reading.map(({ runId }) => read(order.address, runId, onOpen)));
  process.send?.(reports, () => process.exit(0));
}

process.on('message', (order: WatchOrder) => void watchAll(order));
