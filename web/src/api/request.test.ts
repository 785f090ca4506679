import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ApiError, request } from './request.ts';

/** A server whose answers are what the test makes of them; gives back its address. */
async function serve(answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function failure(asking: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await asking.catch((reason: unknown) => reason);
  if (!(error instanceof ApiError)) throw new Error(`no ApiError: ${String(error)}`);
  return error;
}

const half = '{"messageId": "0190a0a0-';

test('an answer that breaks off behind its headers is none: nobody knows what became of the request', async () => {
  const cut = await serve((response) => {
    response.writeHead(202, { 'content-length': 1_000 });
    response.write(half, () => response.destroy());
  });
  expect(await failure(request('POST', cut, { body: {} }))).toMatchObject({ isUnreachable: true });
  const short = await serve((response) => response.writeHead(202).end(half));
  expect(await failure(request('POST', short, { body: {} }))).toMatchObject({ isUnreachable: true });
});

test('an answer that falls silent in its middle is late, as one that never begins', async () => {
  for (const begin of [
    (): void => undefined,
    (response: ServerResponse): void => void response.writeHead(202).write(half),
  ]) {
    const late = await failure(request('POST', await serve(begin), { answerMs: 200 }));
    expect(late).toMatchObject({ isLate: true, isUnreachable: true });
  }
});

test('an answer that takes longer as a whole is read to its end', async () => {
  const slow = await serve((response) => {
    const parts = '[1,2,3,4,5]'.split('');
    response.writeHead(200);
    const timer = setInterval(() => {
      response.write(parts.shift() ?? '');
      if (parts.length > 0) return;
      clearInterval(timer);
      response.end();
    }, 200);
  });
  expect(await request('GET', slow, { answerMs: 1_500 })).toEqual([1, 2, 3, 4, 5]);
});

test('who gives a request up is told so, not that the server is away', async () => {
  const address = await serve((response) => void response.writeHead(200).write(half));
  const stop = new AbortController();
  const asking = request('GET', address, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error('given up')), 200);
  await expect(asking).rejects.not.toBeInstanceOf(ApiError);
});

test('an answer without a body is read as nothing', async () => {
  const address = await serve((response) => response.writeHead(204).end());
  expect(await request('DELETE', address)).toBeUndefined();
});
