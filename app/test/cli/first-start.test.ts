import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runProgram, startServer, temporaryFolder } from '../program.ts';

/** A desktop whose browser writes down which addresses it is to open. */
function desktop() {
  const folder = temporaryFolder(onTestFinished);
  const log = join(folder, 'log');
  mkdirSync(join(folder, 'bin'));
  writeFileSync(log, '');
  writeFileSync(join(folder, 'bin', 'xdg-open'), `#!/bin/sh\necho "$1" >> '${log}'\n`, { mode: 0o755 });
  const path = `${join(folder, 'bin')}:${process.env['PATH']}`;
  return {
    environment: { PATH: path, DISPLAY: ':0', CI: '', SSH_CONNECTION: '' },
    opened: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
  };
}

test('the first start opens the page, also after other commands, and no later one does', async () => {
  const home = temporaryFolder(onTestFinished);
  writeFileSync(join(home, '.env'), 'CORRAL_TITLE=Ours\n');
  const { environment, opened } = desktop();
  const list = await runProgram(['list'], { environment: { ...environment, CORRAL_HOME: home } });
  expect(list).toMatchObject({ code: 0 });
  expect(opened()).toEqual([]);
  const start = async () => {
    const server = await startServer(home, { environment });
    onTestFinished(() => void server.program.process.kill('SIGKILL'));
    return server;
  };
  const first = await start();
  await expect.poll(opened).toEqual([first.address]);
  await first.stop();
  const second = await start();
  await second.stop();
  expect(opened()).toEqual([first.address]);
  const asked = await startServer(home, { environment, parameters: ['--open'] });
  onTestFinished(() => void asked.program.process.kill('SIGKILL'));
  await expect.poll(opened).toEqual([first.address, asked.address]);
  await asked.stop();
});
