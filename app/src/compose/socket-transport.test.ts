import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

async function listening(answer: string, asked: string[]): Promise<string> {
  const server: Server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(answer);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As its own process: Node reads what it is to ask through a proxy at its start. */
const program = `
import { createSocketTransport } from ${JSON.stringify(join(import.meta.dirname, 'socket-transport.ts'))};
const send = createSocketTransport({ address: process.env.ADDRESS, token: 'secret' });
const { body } = await send('GET', '/api/models', { headers: {} });
for await (const chunk of body) process.stdout.write(chunk);
`;

test('the server of this machine is never asked through a proxy', async () => {
  const asked: string[] = [];
  const proxied: string[] = [];
  const address = await listening('own', asked);
  const proxy = await listening('proxy', proxied);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module-typescript', '--eval', program],
    { env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ADDRESS: address } },
  );
  expect({ stdout, asked, proxied }).toEqual({ stdout: 'own', asked: ['/api/models'], proxied: [] });
});
