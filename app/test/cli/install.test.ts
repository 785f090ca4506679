import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root, temporaryFolder } from '../program.ts';

/**
 * Does to a folder what `npm ci` does, with nothing in it to fetch, and takes as long as it is told. Asked to stop, it first
 * undoes what it did.
 */
const npm = `
const { appendFileSync, mkdirSync, rmSync, writeFileSync } = require('node:fs');
process.on('SIGTERM', () => {
  setTimeout(() => {
    appendFileSync(process.env.NPM_LOG, 'undone ');
    process.exit(1);
  }, 1000);
});
appendFileSync(process.env.NPM_LOG, 'begin ');
writeFileSync(process.env.NPM_LOG + '-words', process.argv.slice(2).join(' '));
rmSync('node_modules', { recursive: true, force: true });
setTimeout(() => {
  mkdirSync('node_modules/vite/bin', { recursive: true });
  writeFileSync('node_modules/vite/bin/vite.js', process.env.VITE);
  appendFileSync(process.env.NPM_LOG, 'end ');
}, Number(process.env.NPM_MS));
`;

/** Does to a page what a build does, with nothing in it. */
const vite = `
const { appendFileSync, mkdirSync, rmSync, writeFileSync } = require('node:fs');
appendFileSync(process.env.NPM_LOG, 'build ');
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');
writeFileSync('dist/index.html', 'page');
`;

/** The superuser may write into a folder that forbids it, until the capability for that is gone. */
const asOrdinaryUser =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];

/** The launcher in a clone of its own that has no packages yet. */
function bareClone() {
  const folder = temporaryFolder(onTestFinished);
  const clone = join(folder, 'clone');
  cpSync(join(root, 'bin'), join(clone, 'bin'), { recursive: true });
  mkdirSync(join(clone, 'app', 'src'), { recursive: true });
  mkdirSync(join(clone, 'web', 'src'), { recursive: true });
  writeFileSync(join(clone, 'app', 'src', 'main.ts'), `console.log('runs'); setInterval(() => 0, 1000);`);
  writeFileSync(join(clone, 'package.json'), '{ "name": "clone", "version": "1.0.0", "type": "module" }');
  const lock = { name: 'clone', version: '1.0.0', lockfileVersion: 3, packages: {} };
  writeFileSync(join(clone, 'package-lock.json'), JSON.stringify(lock));
  const log = join(folder, 'log');
  const program = join(folder, 'npm-cli.js');
  writeFileSync(program, npm);
  const start = (
    file: string,
    { installMs = 1000, before = [] as string[], options = [] as string[], words = [] as string[] } = {},
  ) => {
    const [command, ...first] = [...before, process.execPath, ...options, join('bin', file)];
    const child = spawn(command, [...first, ...words], {
      cwd: clone,
      env: {
        ...process.env,
        npm_execpath: program,
        npm_lifecycle_event: 'start',
        NPM_LOG: log,
        NPM_MS: String(installMs),
        VITE: vite,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    onTestFinished(() => endGroup(child));
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, said }));
    return { child, ended, said: () => said };
  };
  return {
    start,
    /** What a `git pull` does that brings other packages. */
    otherPackages: () =>
      writeFileSync(join(clone, 'package-lock.json'), JSON.stringify({ ...lock, version: '1.0.1' })),
    otherPage: () => writeFileSync(join(clone, 'web', 'src', 'main.tsx'), 'other'),
    installs: () => (existsSync(log) ? readFileSync(log, 'utf8').trim() : ''),
    installWords: () => readFileSync(`${log}-words`, 'utf8').split(' '),
    packages: join(clone, 'node_modules'),
    cache: join(clone, '.cache'),
  };
}

function endGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

test('two starts at once in a new clone install it once', async () => {
  const { start, installs } = bareClone();
  const both = await Promise.all([
    start('run.mjs', { installMs: 3000 }).ended,
    start('run.mjs', { installMs: 3000 }).ended,
  ]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(installs()).toBe('begin end');
});

test('an install that was killed holds up nobody and is made anew', async () => {
  const { start, installs } = bareClone();
  const first = start('run.mjs', { installMs: 600_000 });
  await expect.poll(installs).toBe('begin');
  endGroup(first.child);
  await first.ended;
  expect(await start('run.mjs').ended).toMatchObject({ code: 0 });
  expect(installs()).toBe('begin begin end');
});

test('an install whose launcher is stopped ends before the next one begins', async () => {
  const { start, installs } = bareClone();
  const first = start('run.mjs', { installMs: 600_000 });
  await expect.poll(installs).toBe('begin');
  first.child.kill('SIGTERM');
  const second = start('run.mjs');
  expect(await first.ended).toMatchObject({ code: null });
  expect(first.child.signalCode).toBe('SIGTERM');
  expect(await second.ended).toMatchObject({ code: 0 });
  expect(installs()).toBe('begin undone begin end');
});

test('an install is given up when npm, which started it, goes away without a word', async () => {
  const { start, installs } = bareClone();
  const npm = start('run.mjs', { installMs: 600_000, before: ['sh', '-c', '"$@" & wait', 'sh'] });
  await expect.poll(installs).toBe('begin');
  npm.child.kill('SIGKILL');
  // Its output is closed by the last of those that inherited it.
  expect((await npm.ended).said).toContain('npm, which started this, is gone');
  expect(installs()).toBe('begin undone');
});

test('what is needed is installed whatever NODE_ENV and the settings of npm leave out', async () => {
  const { start, installWords } = bareClone();
  await expect.poll(start('corral.mjs').said).toContain('runs\n');
  expect(installWords()).toEqual(expect.arrayContaining(['ci', '--include=optional', '--omit=dev']));
  const other = bareClone();
  await other.start('run.mjs').ended;
  expect(other.installWords()).toEqual(expect.arrayContaining(['ci', '--include=optional', '--include=dev']));
});

test('a pull during an install is followed by another one', async () => {
  const { start, installs, otherPackages } = bareClone();
  const first = start('run.mjs', { installMs: 3000 });
  await expect.poll(installs).toBe('begin');
  otherPackages();
  expect(await first.ended).toMatchObject({ code: 0 });
  expect(installs()).toBe('begin end begin end');
  expect(await start('run.mjs').ended).toMatchObject({ code: 0 });
  expect(installs()).toBe('begin end begin end');
});

test('nothing is installed under a Corral that runs from the same folder', async () => {
  const { start, installs, packages } = bareClone();
  const server = start('corral.mjs');
  await expect.poll(server.said).toContain('runs\n');
  const before = readdirSync(packages);
  // The tests need more than a server does.
  const tests = await start('run.mjs').ended;
  expect(tests).toMatchObject({
    code: 70,
    said: expect.stringContaining(`process ${server.child.pid}`) as string,
  });
  expect(tests.said).toContain('Stop it');
  expect(readdirSync(packages)).toEqual(before);
  expect(installs()).toBe('begin end');
  server.child.kill('SIGTERM');
  await server.ended;
  expect(await start('run.mjs').ended).toMatchObject({ code: 0 });
  expect(installs()).toBe('begin end begin end');
});

test('nor under one of a user that may only read the folder', async () => {
  const { start, installs, otherPackages, cache } = bareClone();
  await start('run.mjs').ended;
  chmodSync(join(cache, 'uses', 'packages'), 0o500);
  const server = start('corral.mjs', { before: asOrdinaryUser });
  await expect.poll(server.said).toContain('runs\n');
  chmodSync(join(cache, 'uses', 'packages'), 0o700);
  otherPackages();
  const refused = await start('run.mjs').ended;
  expect(refused).toMatchObject({ code: 70, said: expect.stringContaining('Stop it') as string });
  expect(installs()).toBe('begin end');
  server.child.kill('SIGTERM');
  await server.ended;
  expect(await start('run.mjs').ended).toMatchObject({ code: 0 });
  expect(installs()).toBe('begin end begin end');
});

test('no page is built under a Corral that serves the one of the same folder', async () => {
  const { start, installs, otherPage, cache } = bareClone();
  const serve = { words: ['serve'] };
  const command = start('corral.mjs');
  await expect.poll(command.said).toContain('runs\n');
  // Two at once build one page, and what only runs a command keeps nobody from it.
  const server = start('corral.mjs', serve);
  const second = start('corral.mjs', serve);
  await expect.poll(() => [server.said(), second.said()].every((said) => said.includes('runs\n'))).toBe(true);
  expect(installs()).toBe('begin end build');
  second.child.kill('SIGTERM');
  await second.ended;
  otherPage();
  const refused = await start('corral.mjs', serve).ended;
  expect(refused).toMatchObject({
    code: 70,
    said: expect.stringContaining(`process ${server.child.pid}`) as string,
  });
  expect(refused.said).toContain('The page has to be built anew');
  // So it is where the server could not note itself, and was left by its launcher.
  rmSync(join(cache, 'uses', 'page'), { recursive: true });
  expect(await start('corral.mjs', serve).ended).toMatchObject({ code: 70 });
  expect(installs()).toBe('begin end build');
  server.child.kill('SIGTERM');
  await server.ended;
  const anew = start('corral.mjs', serve);
  await expect.poll(anew.said).toContain('runs\n');
  expect(installs()).toBe('begin end build build');
});

test('a user who may not write there learns that somebody has to set Corral up', async () => {
  const { start, installs, cache } = bareClone();
  mkdirSync(cache, { mode: 0o500 });
  const { code, said } = await start('run.mjs', { before: asOrdinaryUser }).ended;
  expect(code).toBe(70);
  expect(said).toContain('where this user may not write (EACCES). Run `node bin/corral.mjs serve --help`');
  expect(installs()).toBe('');
});

test('a turn that cannot be read stops the start, and is not waited for', async () => {
  const { start, cache } = bareClone();
  mkdirSync(cache);
  writeFileSync(join(cache, 'turn'), '1-1', { mode: 0o000 });
  const { code, said } = await start('run.mjs', { before: asOrdinaryUser }).ended;
  expect(code).toBe(70);
  expect(said).toContain(join(cache, 'turn'));
});

/** The launcher takes the Node that it runs in for one with another SQLite. */
const withSqlite = (sqlite: string): string[] => [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,sqlite:'${sqlite}'}})`,
];

test('the own Node of a machine whose SQLite is too old runs the launcher, and ours the program', async () => {
  const { start, packages } = bareClone();
  await start('run.mjs').ended;
  const refused = await start('corral.mjs', { options: withSqlite('3.51.2') }).ended;
  expect(refused).toMatchObject({ code: 70, said: expect.stringContaining('SQLite 3.51.3') as string });
  const ours = join(packages, `node-${process.platform}-${process.arch}`, 'bin');
  mkdirSync(ours, { recursive: true });
  writeFileSync(join(ours, 'node'), '#!/bin/sh\necho this is ours', { mode: 0o755 });
  const started = await start('corral.mjs', { options: withSqlite('3.51.2') }).ended;
  expect(started).toEqual({ code: 0, said: 'this is ours\n' });
  const own = start('corral.mjs', { options: withSqlite('3.51.3') });
  await expect.poll(own.said).toBe('runs\n');
});
