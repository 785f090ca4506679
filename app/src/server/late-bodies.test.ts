import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { bodyOf, statusOf } from '../../test/fixtures/raw-request.ts';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';

let running: RunningServer;
beforeAll(async () => {
  running = await startServer();
});
afterAll(() => running.close());

/** Only the timers of the server jump. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

interface Sending {
  socket: Socket;
  /** Whatever the server said so far. */
  answer: () => string;
  isOver: () => boolean;
}

async function begin(
  path: string,
  { type, size, method = 'POST' }: { type: string; size: number; method?: string },
): Promise<Sending> {
  const { hostname, port } = new URL(running.address);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let text = '';
  let isOver = false;
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('close', () => (isOver = true)).on('error', () => undefined);
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${size}\r\n\r\n`,
  );
  await heard();
  return { socket, answer: () => text, isOver: () => isOver };
}

/** Time for the server to take what was sent: it answers others meanwhile. */
async function heard(): Promise<void> {
  for (let count = 0; count < 3; count++) await running.call('GET', '/healthz/live');
}

async function pass(seconds: number): Promise<void> {
  vi.advanceTimersByTime(seconds * 1000);
  await heard();
}

describe('S14: a body that drips', () => {
  test.each([
    ['/api/chats', { error: { code: 'timed-out' } }],
    ['/v1/chat/completions', { error: { code: 'timed_out' } }],
    ['/generate', { error: expect.stringContaining('in time') as unknown }],
    ['/gradio_api/queue/join', { detail: expect.stringContaining('in time') as unknown }],
  ])('%s: ends after five minutes', async (path, shape) => {
    const sending = await begin(path, { type: 'application/json', size: 100 });
    for (let count = 0; count < 9; count++) {
      sending.socket.write(' ');
      await pass(30);
    }
    expect(sending.answer()).toBe('');
    await pass(40);
    await expect.poll(sending.isOver).toBe(true);
    const answer = sending.answer();
    expect(statusOf(answer)).toBe(408);
    expect(bodyOf(answer)).toMatchObject(shape);
  });

  test('is not late where all of it is here and a stream is the answer', async () => {
    const { body } = await running.call('POST', '/api/streams');
    const path = `/api/streams/${String(body['streamId'])}`;
    const sending = await begin(path, { type: 'application/json', size: 2, method: 'GET' });
    sending.socket.write('{}');
    await heard();
    await expect.poll(sending.answer).toContain('hello');
    await pass(310);
    expect(sending.isOver()).toBe(false);
  });

  test('ends also where it was answered unread', async () => {
    const sending = await begin('/api/none', { type: 'text/plain', size: 100 });
    await expect.poll(() => statusOf(sending.answer())).toBeGreaterThanOrEqual(400);
    await pass(310);
    await expect.poll(sending.isOver).toBe(true);
  });
});

describe('a backup that is sent as a file', () => {
  const type = 'application/octet-stream';

  test('takes as long as it goes on coming', async () => {
    const { body } = await running.call('POST', '/api/backups');
    const file = readFileSync(join(running.config.home, 'backups', String(body['name'])));
    const sending = await begin('/api/backup-files/contents', { type, size: file.length });
    const pieceBytes = Math.ceil(file.length / 12);
    for (let start = 0; start < file.length; start += pieceBytes) {
      await pass(45);
      sending.socket.write(file.subarray(start, start + pieceBytes));
      await heard();
    }
    await expect.poll(() => statusOf(sending.answer())).toBe(200);
  });

  test('and no longer', async () => {
    const sending = await begin('/api/backup-files/contents', { type, size: 1_000_000 });
    sending.socket.write('x'.repeat(1_000));
    await pass(61);
    await pass(61);
    await expect.poll(sending.isOver).toBe(true);
    expect(statusOf(sending.answer())).toBe(408);
  });
});
