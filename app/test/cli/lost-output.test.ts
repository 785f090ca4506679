import { expect, onTestFinished, test } from 'vitest';
import { startServer, temporaryFolder } from '../program.ts';

/** What cannot be said to anybody: the disk below a file is full, or who read a pipe has gone. */
const lost = [
  ['a full disk', '/dev/full'],
  ['a reader that is gone', '>(exec true)'],
] as const;

/** Words before a command; `redirection` is the shell's. */
const redirected = (redirection: string): string[] => ['bash', '-c', `exec "$@" ${redirection}`, 'bash'];

test.each(lost)('a server whose log goes to %s serves on', async (_, place) => {
  // It warns at its start: nothing is signed, and nobody listens there.
  const server = await startServer(temporaryFolder(onTestFinished), {
    environment: { LOGGING_URL: 'http://127.0.0.1:9/log' },
    before: redirected(`2> ${place}`),
  });
  onTestFinished(() => void server.program.process.kill('SIGKILL'));
  expect((await fetch(`${server.address}/healthz`)).status).toBe(200);
  expect(await server.stop()).toMatchObject({ code: 0 });
});
