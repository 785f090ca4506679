import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nativeClient } from '../fixtures/native-client.ts';
import { ServerProcess } from './server-process.ts';

const megabyte = 1024 * 1024;

/** Writes until nothing more fits; `path` leads into the server's own disk. */
function fill(path: string): void {
  for (let size = 16 * megabyte; size >= 4096;) {
    try {
      writeFileSync(path, Buffer.alloc(size), { flag: 'a' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      size /= 2;
    }
  }
}

test('a full disk: new messages are refused with the reason, reading goes on, and so does writing without a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'corral-full-disk-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  const environment = { HF_HUB_OFFLINE: 'true', CORRAL_LOG_LEVEL: 'silent' };
  const options = { home, clockFile: join(folder, 'clock'), environment, diskMegabytes: 64 };
  const server = await ServerProcess.start(options);
  try {
    const client = nativeClient(server.address);
    const chatId = await client.newChat({ sampling: { maxNewTokens: 20, ignoreEos: true } });
    const { answer } = await client.ask(chatId, 'before');
    fill(server.inside('ballast'));
    // Whatever is left in half-filled pages is used up soon.
    let refusal = '';
    for (let attempt = 0; attempt < 200 && refusal === ''; attempt++)
      refusal = await client.ask(chatId, 'x'.repeat(100_000)).then(
        () => '',
        (error: unknown) => String(error),
      );
    expect(refusal).toMatch(/507 .*disk-full/);
    const health = await fetch(`${server.address}/healthz/ready`);
    expect(health.status).toBe(503);
    const { messages } = await client.open(chatId);
    expect(messages.find(({ id }) => id === answer.id)?.content).toBe(answer.content);
    rmSync(server.inside('ballast'));
    const deadline = performance.now() + 60_000;
    for (let isWriting = false; !isWriting;) {
      isWriting = await client.ask(await client.newChat({ sampling: { maxNewTokens: 5 } }), 'after').then(
        () => true,
        () => false,
      );
      if (performance.now() > deadline) throw new Error('it does not write again');
    }
    expect((await client.open(chatId)).messages.slice(0, 2)).toEqual(messages.slice(0, 2));
    expect((await server.stop()).code).toBe(0);
  } finally {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});
