import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { openSse, type SseBounds, type SseWriter } from './sse-writer.ts';

/** A real reader at the other end of a real socket, which reads or does not. */
interface Held {
  writer: SseWriter;
  response: ServerResponse;
  reader: Socket;
}

const bounds: SseBounds = { bufferBytes: 1024 * 1024, stalledMs: 400, heartbeatMs: 60_000 };
const opened: { server: Server; reader: Socket }[] = [];

/** A request that nothing has been answered to yet. */
async function asked(): Promise<Omit<Held, 'writer'>> {
  const waiting = Promise.withResolvers<ServerResponse>();
  const server = createServer((_request, response) => waiting.resolve(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const reader = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  reader.on('error', () => undefined);
  reader.pause();
  reader.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  opened.push({ server, reader });
  return { response: await waiting.promise, reader };
}

async function hold(more: Partial<SseBounds> = {}): Promise<Held> {
  const { response, reader } = await asked();
  return { response, reader, writer: openSse(response, { bounds: { ...bounds, ...more } }) };
}

afterEach(() => {
  for (const { server, reader } of opened.splice(0)) {
    reader.destroy();
    server.close();
    server.closeAllConnections();
  }
});

const block = (size: number): string => `data: "${'x'.repeat(size)}"\n\n`;

test('a reader that left before its stream was opened is gone from the beginning', async () => {
  const { response, reader } = await asked();
  reader.destroy();
  await expect.poll(() => response.destroyed, { timeout: 10_000 }).toBe(true);
  const writer = openSse(response, { bounds });
  expect(writer.gone.aborted).toBe(true);
  expect(await writer.write(block(1))).toBe(false);
});

describe('R13: a reader that does not read', () => {
  test('is let go after the stall, and never more than the bound waited for it', async () => {
    const { writer, response } = await hold();
    let most = 0;
    let isThere = true;
    let before = performance.now();
    while (isThere) {
      before = performance.now();
      const written = writer.write(block(16_384));
      most = Math.max(most, response.writableLength);
      isThere = await written;
    }
    expect(most).toBeLessThan(bounds.bufferBytes);
    expect(performance.now() - before).toBeGreaterThanOrEqual(bounds.stalledMs * 0.9);
    expect([writer.gone.aborted, response.destroyed]).toEqual([true, true]);
    expect(await writer.write(block(1))).toBe(false);
  });

  test('is let go at once when what does not wait has filled the bound', async () => {
    const { writer, response } = await hold({ stalledMs: 60_000 });
    let most = 0;
    let listeners = 0;
    const started = performance.now();
    // As notices are written: nobody waits for them.
    while (!writer.gone.aborted && performance.now() - started < 20_000) {
      most = Math.max(most, response.writableLength);
      void writer.write(block(4096));
      listeners = Math.max(listeners, response.listenerCount('drain'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(response.destroyed).toBe(true);
    expect(most).toBeGreaterThan(bounds.bufferBytes);
    expect(most).toBeLessThan(bounds.bufferBytes + 8192);
    expect(listeners).toBeLessThanOrEqual(2);
  });

  test('is let go after the stall also when one block alone is larger than the bound', async () => {
    const { writer, response } = await hold();
    // More than the kernel's own buffers take.
    expect(await writer.write(block(32 * bounds.bufferBytes))).toBe(false);
    expect([writer.gone.aborted, response.destroyed]).toEqual([true, true]);
  });

  test('is let go as well when it leaves the last words lying', async () => {
    const { writer, response } = await hold();
    // First the kernel's own buffers fill, then ours.
    while (response.writableLength < bounds.bufferBytes / 2) {
      void writer.write(block(16_384));
      await new Promise((resolve) => setImmediate(resolve));
    }
    writer.end();
    await once(response, 'close');
    expect([response.writableFinished, response.destroyed]).toEqual([false, true]);
  });

  test('leaves no timer and no listener behind', async () => {
    const { writer, response, reader } = await hold();
    while (
      await Promise.race([
        writer.write(block(65_536)),
        new Promise((resolve) => setTimeout(resolve, 50, null)),
      ])
    );
    reader.destroy();
    await once(response, 'close');
    expect(writer.gone.aborted).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect([response.listenerCount('drain'), response.listenerCount('close')]).toEqual([1, 0]);
  });
});

describe('a reader that reads', () => {
  test('slower than the stall allows to empty it, gets everything in order and is not let go', async () => {
    const { writer, reader } = await hold({ stalledMs: 1000 });
    let text = '';
    reader.setEncoding('utf8');
    reader.on('data', (chunk: string) => {
      text += chunk;
      reader.pause();
      setTimeout(() => reader.resume(), 20);
    });
    reader.resume();
    const count = 120;
    for (let index = 0; index < count; index++) {
      expect(await writer.write(`data: ${index}${' '.repeat(32_768)}\n\n`)).toBe(true);
    }
    writer.end();
    await once(reader, 'close');
    const seen = [...text.matchAll(/data: (\d+) /g)].map((match) => Number(match[1]));
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  test('gets a block whole that is larger than the bound, however often a sign of life would be due meanwhile', async () => {
    const { writer, reader } = await hold({ stalledMs: 60_000, heartbeatMs: 1 });
    const large = block(4 * bounds.bufferBytes);
    let text = '';
    reader.setEncoding('utf8');
    reader.on('data', (chunk: string) => {
      text += chunk;
      reader.pause();
      setTimeout(() => reader.resume(), 1);
    });
    reader.resume();
    expect(await writer.write(large)).toBe(true);
    expect(await writer.write(block(1))).toBe(true);
    writer.end();
    await once(reader, 'close');
    expect(text).toContain(large);
    expect(text).toContain(block(1));
  });

  test('hears a sign of life while nothing happens', async () => {
    const { reader } = await hold({ heartbeatMs: 20 });
    reader.setEncoding('utf8');
    reader.resume();
    let text = '';
    for await (const chunk of reader) {
      text += String(chunk);
      if (text.split(': hb\n\n').length > 2) break;
    }
    expect(text).toContain('content-type: text/event-stream');
  });
});
