import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deliveryHeaders, parseSecrets } from './sign-delivery.ts';
import { nodeFlags } from '../../../bin/runtime.mjs';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(port: number): Promise<void> {
  for (let round = 0; round < 200; round++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the receiver did not start');
}

test('the receiver in docs/logging.md takes what is signed, once, and nothing else', async () => {
  const source = /```js\n([\s\S]+?)```/u.exec(readFileSync('docs/logging.md', 'utf8'))?.[1] ?? '';
  expect(source.trim().split('\n').length).toBeLessThanOrEqual(22);
  const folder = mkdtempSync(join(tmpdir(), 'corral-receiver-'));
  const program = join(folder, 'receiver.mjs');
  const file = join(folder, 'turns.jsonl');
  writeFileSync(program, source);
  const port = await freePort();
  const env = { LOGGING_SECRET: 'a plain secret', PORT: String(port), LOG_FILE: file };
  // What came to Node after 18, which is all that the README asks for.
  const older = '--import=data:text/javascript,delete Array.fromAsync; delete Object.groupBy';
  const receiver = spawn(process.execPath, [...nodeFlags, older, program], { env, stdio: 'inherit' });
  try {
    await listening(port);
    const event = { id: 'event-1', body: '{"content":"grüße 🐂"}' };
    const post = async (body: string, headers: Record<string, string>): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body, headers })).status;
    const genuine = deliveryHeaders(event, parseSecrets('a plain secret'), Date.now());
    expect(await post(event.body, genuine)).toBe(204);
    expect(await post(event.body, genuine)).toBe(204);
    expect(await post('{"content":"forged"}', genuine)).toBe(401);
    expect(await post(event.body, deliveryHeaders(event, parseSecrets('another one'), Date.now()))).toBe(401);
    const old = deliveryHeaders(event, parseSecrets('a plain secret'), Date.now() - 3_600_000);
    expect(await post(event.body, old)).toBe(401);
    expect(existsSync(file) && readFileSync(file, 'utf8')).toBe(`${event.body}\n`);
  } finally {
    receiver.kill();
    await once(receiver, 'exit');
    rmSync(folder, { recursive: true });
  }
});
