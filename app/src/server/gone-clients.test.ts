import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { scriptedModels, startServer, type RunningServer } from '../../test/fixtures/running-server.ts';

let running: RunningServer;
/** Called when a model is looked up, which takes until it resolves. */
let onLook: (signal: AbortSignal | undefined) => Promise<void> = async () => undefined;

beforeAll(async () => {
  const models = {
    ...scriptedModels(),
    resolve: async (reference: string, signal?: AbortSignal) => {
      await onLook(signal);
      return { kind: 'scripted' as const, id: reference };
    },
  };
  running = await startServer({ models, script: { tokensPerSecond: 20 } });
});
afterAll(() => running.close());

/** A connection that has asked and reads nothing. */
async function ask(path: string, body: object): Promise<Socket> {
  const { hostname, port, host } = new URL(running.address);
  const text = JSON.stringify(body);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(text)}`];
  socket.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${head.join('\r\n')}\r\n\r\n${text}`);
  return socket;
}

const long = '/long 5000';
const messages = [{ role: 'user', content: long }];

test.each([
  ['/v1/chat/completions', { messages }],
  ['/v1/chat/completions', { messages, stream: true }],
  ['/v1/completions', { prompt: long }],
  ['/generate', { inputs: long, parameters: { max_new_tokens: 5000 } }],
  ['/generate_stream', { inputs: long, parameters: { max_new_tokens: 5000 } }],
])('%s: who leaves while the name of the model is looked up gets nothing written', async (path, body) => {
  const looking = Promise.withResolvers<void>();
  const found = Promise.withResolvers<void>();
  // Of the look for the answer itself, which comes after that for the name.
  let signalOfAnswer: AbortSignal | undefined;
  onLook = (signal) => {
    signalOfAnswer ??= signal;
    looking.resolve();
    return found.promise;
  };
  const socket = await ask(path, { ...body, model: 'scripted' });
  await looking.promise;
  socket.destroy();
  await once(socket, 'close');
  // Answered after the server has heard of the end.
  for (let count = 0; count < 3; count++) await running.call('GET', '/healthz/live');
  found.resolve();
  await expect.poll(() => signalOfAnswer?.aborted, { timeout: 10_000 }).toBe(true);
  const users = (): number[] => running.engines.loaded().map((model) => model.users);
  await expect.poll(() => users().filter(Boolean), { timeout: 10_000 }).toEqual([]);
});
