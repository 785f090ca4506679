import { expect, onTestFinished, test } from 'vitest';
import { freePort, runProgram, startProgram, startServer, temporaryFolder } from '../program.ts';

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

test.each(lost)('a server that cannot say on %s where it answers is there all the same', async (_, place) => {
  const port = await freePort();
  const program = startProgram(['serve', '--port', String(port)], {
    environment: { CORRAL_HOME: temporaryFolder(onTestFinished) },
    before: redirected(`> ${place}`),
  });
  onTestFinished(() => void program.process.kill('SIGKILL'));
  const status = (): Promise<number> =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      (response) => response.status,
      () => 0,
    );
  await expect.poll(status, { timeout: 60_000 }).toBe(200);
  program.process.kill('SIGTERM');
  expect(await program.ended).toMatchObject({ code: 0 });
});

test.each([['config'], ['list', '--json'], ['history', 'export']])(
  'what %s prints onto a full disk is an error, and no fault of ours',
  async (...parameters) => {
    const { code, stderr } = await runProgram(parameters, {
      environment: { CORRAL_HOME: temporaryFolder(onTestFinished) },
      before: redirected('> /dev/full'),
    });
    expect({ code, stderr }).toEqual({
      code: 74,
      stderr:
        'corral: the disk is full: standard output was not written\nName a file on another disk, or make room.\n',
    });
  },
);

test('a reader that has seen enough ends a command quietly', async () => {
  const ended = await runProgram(['list'], {
    environment: { CORRAL_HOME: temporaryFolder(onTestFinished) },
    before: redirected('> >(exec true)'),
  });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
});

test('a reader that takes its time gets everything', async () => {
  const { stdout } = await runProgram(['config', '--json'], {
    environment: { CORRAL_HOME: temporaryFolder(onTestFinished) },
    // The pipe is full already, and nobody reads until the command has had nothing left to do for long.
    before: ['bash', '-c', '{ head -c 65536 /dev/zero; "$@"; } | { sleep 2; tr -d "\\0"; }', 'bash'],
  });
  expect(JSON.parse(stdout)).toBeDefined();
});
