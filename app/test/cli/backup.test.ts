import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startPostgres } from '../postgres/start-postgres.ts';
import { runProgram, startServer, temporaryFolder } from '../program.ts';

type Environment = Record<string, string>;

async function corral(parameters: string[], environment: Environment): Promise<string> {
  const { code, stdout, stderr } = await runProgram(parameters, { environment });
  expect(code, `${parameters.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

async function takeIn(word: string, environment: Environment): Promise<void> {
  const file = join(environment['CORRAL_HOME'] ?? '', `${word}.json`);
  const messages = [
    { role: 'user', content: `the word is ${word}` },
    { role: 'assistant', content: 'noted' },
  ];
  writeFileSync(file, JSON.stringify({ [word]: messages }));
  await corral(['history', 'import', file], environment);
}

async function words(environment: Environment): Promise<string[]> {
  const text = await corral(['history', 'export', '--format', 'chat_history'], environment);
  return ['alpaca', 'vicuna'].filter((word) => text.includes(`the word is ${word}`));
}

it('a backup made while the server runs comes back, and moves from SQLite to PostgreSQL', async () => {
  const home = temporaryFolder(onTestFinished);
  const environment = { CORRAL_HOME: home };
  const server = await startServer(home);
  await takeIn('alpaca', environment);
  const archive = join(home, 'moved.corral.gz');
  expect(await corral(['backup', archive], environment)).toContain('What is erased later stays in this file');
  const kept = JSON.parse(await corral(['backup', '--json'], environment)) as { path: string };
  expect(existsSync(kept.path)).toBe(true);
  await takeIn('vicuna', environment);
  expect(await words(environment)).toEqual(['alpaca', 'vicuna']);

  const restored = await corral(['restore', archive, '--json'], environment);
  expect(await words(environment)).toEqual(['alpaca']);
  await corral(['restore', (JSON.parse(restored) as { previous: string }).previous], environment);
  expect(await words(environment)).toEqual(['alpaca', 'vicuna']);
  expect(readdirSync(join(home, 'backups')).filter((name) => name.includes('given'))).toEqual([]);
  expect((await runProgram(['backup', archive], { environment })).code).toBe(75);
  expect((await runProgram(['restore', join(home, 'alpaca.json')], { environment })).code).toBe(65);
  expect((await server.stop()).code).toBe(0);

  const postgres = await startPostgres();
  onTestFinished(() => postgres.stop());
  const other = {
    CORRAL_HOME: temporaryFolder(onTestFinished),
    DATABASE_URL: await postgres.url('moved'),
  };
  await corral(['restore', archive], other);
  expect(await words(other)).toEqual(['alpaca']);
});

it('a backup that found no room is nowhere but in the folder of backups', async () => {
  const home = temporaryFolder(onTestFinished);
  const disk = temporaryFolder(onTestFinished);
  const file = join(disk, 'moved.db');
  const lines = `mount -t tmpfs -o size=16k tmpfs ${disk} && { "$@"; code=$?; ls ${disk}; exit $code; }`;
  const { code, stdout, stderr } = await runProgram(['backup', file], {
    environment: { CORRAL_HOME: home },
    before: ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', lines, 'sh'],
  });
  expect({ code, stdout }).toEqual({ code: 74, stdout: '' });
  expect(stderr).toContain(`the disk is full: ${file} was not written`);
  const made = readdirSync(join(home, 'backups')).filter((name) => name.includes('manual'));
  expect(made).toHaveLength(1);
});

/** The superuser may write into a folder that forbids it, until the capability for that is gone. */
const asOrdinaryUser =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];

it.each([
  ['not-there/x.db', 74, 'that folder is not there'],
  ['file/x.db', 74, 'a part of the path is a file'],
  ['closed/x.db', 77, 'this user may not write there'],
])('what is written to %s ends with %i and says why', async (name, code, why) => {
  const home = temporaryFolder(onTestFinished);
  writeFileSync(join(home, 'file'), '');
  mkdirSync(join(home, 'closed'), { mode: 0o500 });
  const path = join(home, name);
  for (const command of [
    ['backup', path],
    ['history', 'export', '--out', path],
  ]) {
    const ended = await runProgram(command, { environment: { CORRAL_HOME: home }, before: asOrdinaryUser });
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(`${why}: ${path} was not written`);
  }
});
