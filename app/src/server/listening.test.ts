import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { scriptedModels, startServer } from '../../test/fixtures/running-server.ts';

/** A port that something listens on, until it is let go. */
async function takenPort(): Promise<{ port: number; letGo: () => Promise<unknown> }> {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const bound = other.address();
  if (typeof bound !== 'object' || bound === null) throw new Error('it has no port');
  return { port: bound.port, letGo: () => once(other.close(), 'close') };
}

test('whoever asks while a start is not over waits for it, and is answered', async () => {
  const { port, letGo } = await takenPort();
  await letGo();
  const order: string[] = [];
  let early: Promise<unknown> = Promise.resolve();
  const running = await startServer({
    environment: { PORT: String(port) },
    beforeServing: async () => {
      early = fetch(`http://127.0.0.1:${port}/healthz/live`).then(({ status }) =>
        order.push(`answered ${status}`),
      );
      await new Promise((resolve) => setTimeout(resolve, 300));
      order.push('prepared');
    },
  });
  onTestFinished(() => running.close());
  await early;
  expect(order).toEqual(['prepared', 'answered 200']);
});

test('for whoever left while waiting no work is done', async () => {
  const { port, letGo } = await takenPort();
  await letGo();
  const models = scriptedModels();
  const list = vi.spyOn(models, 'list');
  const running = await startServer({
    models,
    environment: { PORT: String(port) },
    beforeServing: async () => {
      const asked = fetch(`http://127.0.0.1:${port}/api/models`, { signal: AbortSignal.timeout(100) });
      await expect(asked).rejects.toThrow('timeout');
      await new Promise((resolve) => setTimeout(resolve, 100));
    },
  });
  onTestFinished(() => running.close());
  expect(list).not.toHaveBeenCalled();
  expect((await running.call('GET', '/api/models')).status).toBe(200);
  expect(list).toHaveBeenCalled();
});

test('a start that finds its port taken has begun nothing: it does not count as one that an answer survived', async () => {
  const { port, letGo } = await takenPort();
  onTestFinished(() => void letGo());
  let hasBegun = false;
  const start = startServer({
    environment: { PORT: String(port) },
    beforeServing: async () => {
      hasBegun = true;
    },
  });
  await expect(start).rejects.toMatchObject({ code: 'port-in-use' });
  expect(hasBegun).toBe(false);
});
