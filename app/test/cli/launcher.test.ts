import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readLock } from '../../src/config/home-lock.ts';
import {
  cleanEnvironment,
  freePort,
  inTerminal,
  root,
  runProgram,
  startServer,
  temporaryFolder,
} from '../program.ts';

async function isAnswering(address: string): Promise<boolean> {
  return fetch(`${address}/healthz`).then(
    () => true,
    () => false,
  );
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** A shell that starts the launcher, and waits as npm does. */
async function startBelowShell(environment: Record<string, string>) {
  const home = temporaryFolder(onTestFinished);
  const port = await freePort();
  const { npm_lifecycle_event: _runner, ...bare } = cleanEnvironment({ CORRAL_HOME: home });
  const command = `"${process.execPath}" bin/corral.mjs serve --port ${port} 2>&1 & echo "launcher $!"; wait`;
  const parent = spawn('sh', ['-c', command], {
    cwd: root,
    env: { ...bare, ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  parent.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const launcher = await vi.waitUntil(() => Number(/^launcher (\d+)$/m.exec(said)?.[1] ?? 0), 15_000);
  onTestFinished(() => void (parent.stdout.closed || process.kill(launcher, 'SIGTERM')));
  const address = `http://127.0.0.1:${port}`;
  while (!(await isAnswering(address))) await sleep(50);
  return {
    parent,
    launcher,
    address,
    /** Its output is closed by the last of those that inherited it: by then the launcher and the server are gone. */
    ended: async () => {
      await once(parent, 'close', { signal: AbortSignal.timeout(20_000) });
      return said;
    },
  };
}

describe('bin/corral.mjs', () => {
  it('passes arguments, output and exit codes through', async () => {
    const { code, stderr } = await runProgram(['serv'], { launcher: true });
    expect(code).toBe(64);
    expect(stderr).toContain("unknown command 'serv'");
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'stops the server with exit code 0 on %s',
    async (signal) => {
      const server = await startServer(temporaryFolder(onTestFinished), { launcher: true });
      expect(await isAnswering(server.address)).toBe(true);
      server.program.process.kill(signal);
      expect(await server.program.ended).toMatchObject({ code: 0 });
      expect(await isAnswering(server.address)).toBe(false);
    },
  );

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'stops the server in good order when all of its processes get %s',
    async (signal) => {
      const home = temporaryFolder(onTestFinished);
      const server = await startServer(home, { launcher: true, before: ['setsid'] });
      process.kill(-(server.program.process.pid ?? 0), signal);
      expect(await server.program.ended).toMatchObject({ code: 0 });
    },
  );

  it('stops the server with exit code 0 however often it is asked at once', async () => {
    const server = await startServer(temporaryFolder(onTestFinished));
    // Until the very end: the last of these reach a process that has nothing left to do but go.
    const asking = setInterval(() => server.program.process.kill('SIGINT'), 1);
    onTestFinished(() => clearInterval(asking));
    expect(await server.program.ended).toMatchObject({ code: 0, signal: null });
  });

  it.each(['Ctrl-C', 'a signal to it alone'])('stops the server of a terminal with %s', async (way) => {
    const home = temporaryFolder(onTestFinished);
    const server = await startServer(home, {
      launcher: true,
      parameters: ['--no-color'],
      before: inTerminal,
      input: 'pipe',
    });
    if (way === 'Ctrl-C') server.program.process.stdin?.write('\u0003');
    else process.kill(parentOf(readLock(join(home, 'lock'))?.pid ?? 0), 'SIGINT');
    expect(await server.program.ended).toMatchObject({ code: 0 });
  });

  it('stops the server when npm, which started it, goes away without a word', async () => {
    const { parent, address, ended } = await startBelowShell({ npm_lifecycle_event: 'start' });
    parent.kill('SIGKILL');
    expect(await ended()).toContain('npm, which started this, is gone');
    expect(await isAnswering(address)).toBe(false);
  });

  it('leaves a server that was put into the background when the shell that did it goes away', async () => {
    const { parent, address, launcher, ended } = await startBelowShell({});
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await sleep(3000);
    expect(await isAnswering(address)).toBe(true);
    process.kill(launcher, 'SIGTERM');
    await ended();
    expect(await isAnswering(address)).toBe(false);
  });

  it('starts again in under two seconds', async () => {
    const home = temporaryFolder(onTestFinished);
    const seconds: number[] = [];
    // The best of a few: what else this machine does meanwhile is not the launcher's.
    for (let round = 0; round < 5 && !(Math.min(...seconds) < 2); round++) {
      const started = performance.now();
      const server = await startServer(home, { launcher: true });
      seconds.push((performance.now() - started) / 1000);
      await server.stop();
    }
    expect(Math.min(...seconds)).toBeLessThan(2);
  });

  it('is the program behind npx corral', () => {
    const output = execFileSync('npx', ['corral', '--version'], { cwd: root, encoding: 'utf8' });
    expect(output).toMatch(/^Corral /);
  });
});
