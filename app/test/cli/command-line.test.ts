import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { inTerminal, runProgram, startServer, temporaryFolder } from '../program.ts';

/** No stack trace, no path into our sources: what a person may see. */
function expectPlain(stderr: string): void {
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain('app/src');
}

/** Where each setting comes from, as `corral config` tells it. */
async function sourcesOf(environment: Record<string, string>): Promise<Map<string, string>> {
  const { stdout } = await runProgram(['config', '--json'], { environment });
  const { settings } = JSON.parse(stdout) as { settings: { setting: string; source: string }[] };
  return new Map(settings.map(({ setting, source }) => [setting, source]));
}

describe('the command line', () => {
  it.each(commands.map(({ name }) => name))('shows help for %s', async (name) => {
    const { code, stdout } = await runProgram([...name.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: corral ${name}`);
  });

  it('prints the versions of everything that computes', async () => {
    const { code, stdout } = await runProgram(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Corral \d+\.\d+\.\d+\nNode 24\.\d+\.\d+\nllama\.cpp 0\.5\.0 .*\nSQLite 3\.\d+/);
  });

  it.each([
    [['serv'], 64, "unknown command 'serv'"],
    [['serve', '--prot', '1'], 64, "unknown option '--prot'"],
    [['serve', '--port', 'many'], 78, 'PORT (flag) is "many"; allowed: a whole number from 0 to 65535'],
    [['config', '--home', ''], 78, 'CORRAL_HOME (flag) is ""; allowed: a path'],
    [[], 64, 'a command is missing'],
  ])('refuses %j with exit code %d', async (parameters, exitCode, message) => {
    const { code, stderr, stdout } = await runProgram(parameters);
    expect(stderr).toContain(message);
    expect(code).toBe(exitCode);
    expect(stdout).toBe('');
    expectPlain(stderr);
  });

  it('prints an error as JSON with --json, and a stack trace with --debug alone', async () => {
    const { stdout, code } = await runProgram(['config', '--port', '-1', '--json']);
    expect(code).toBe(78);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'config-invalid' } });
    expect((await runProgram(['config', '--port', '-1', '--debug'])).stderr).toMatch(/^\s+at /m);
  });

  it('prints colours in a terminal, and none with --no-color', async () => {
    const environment = { CORRAL_HOME: temporaryFolder(onTestFinished), FORCE_COLOR: '1' };
    const show = (...flags: string[]) =>
      runProgram(['show', 'cria', ...flags], { environment, before: inTerminal });
    expect((await show()).stdout).toContain('\u001B[1mcria\u001B[22m');
    const plain = await show('--no-color');
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringMatching(/^cria\r\n/u) as string });
    expect(plain.stdout).not.toContain('\u001B');
  });

  it('reads .env of CORRAL_HOME and masks what is secret', async () => {
    const home = temporaryFolder(onTestFinished);
    writeFileSync(
      join(home, '.env'),
      'HF_TOKEN=hf_canary\nCORRAL_SLOTS=7\nLOGGING_URL=https://log.example/turns?key=canary\n',
    );
    const { stdout } = await runProgram(['config', '--json'], { environment: { CORRAL_HOME: home } });
    const { settings } = JSON.parse(stdout) as {
      settings: { setting: string; value: string; source: string }[];
    };
    expect(settings).toContainEqual({ setting: 'CORRAL_SLOTS', value: '7', source: 'home .env' });
    const sink = settings.find(({ setting }) => setting === 'LOGGING_URL');
    expect(sink?.value).toBe('https://log.example/turns?••••');
    expect(stdout).not.toContain('canary');
  });

  it('has, in a test, nothing of what the operator of this clone set', async () => {
    const theirs = {
      DATABASE_URL: 'postgres://corral@db.example/chats',
      HUGGING_FACE_HUB_TOKEN: 'hf_theirs',
      HTTPS_PROXY: 'http://proxy.example:3128',
      no_proxy: '.example',
      LOGGING_URL: 'https://log.example/turns',
    };
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const [name, value] of Object.entries(theirs)) vi.stubEnv(name, value);
    const environment = { CORRAL_HOME: temporaryFolder(onTestFinished) };
    const sources = await sourcesOf(environment);
    expect(sources.get('CORRAL_HOME')).toBe('environment');
    sources.delete('CORRAL_HOME');
    expect(new Set(sources.values())).toEqual(new Set(['default']));
    const clone = temporaryFolder(onTestFinished);
    writeFileSync(join(clone, '.env'), 'DATABASE_URL=postgres://corral@db.example/chats\n');
    writeFileSync(join(clone, 'corral.config.json'), '{ "title": "Theirs" }');
    const ofClone = await sourcesOf({ ...environment, CORRAL_TEST_SETTINGS: clone });
    expect(ofClone.get('DATABASE_URL')).toBe('.env');
    expect(ofClone.get('CORRAL_TITLE')).toBe('file');
  });

  it('looks at everything else with doctor where CORRAL_HOME cannot be used', async () => {
    const file = join(temporaryFolder(onTestFinished), 'file');
    writeFileSync(file, '');
    const { code, stdout } = await runProgram(['doctor', '--json', '--offline'], {
      environment: { CORRAL_HOME: join(file, 'home') },
    });
    expect(code).toBe(1);
    const { findings } = JSON.parse(stdout) as {
      findings: { subject: string; verdict: string; found: string }[];
    };
    const found = new Map(findings.map((finding) => [finding.subject, finding]));
    expect(found.get('CORRAL_HOME')).toMatchObject({
      verdict: 'bad',
      found: expect.stringContaining('is a file') as string,
    });
    expect(found.get('Engine libraries')).toMatchObject({ verdict: 'good' });
    expect(found.has('Hub')).toBe(true);
  });

  it('looks at the machine with doctor', async () => {
    const home = temporaryFolder(onTestFinished);
    const { stdout } = await runProgram(['doctor', '--json', '--offline'], {
      environment: { CORRAL_HOME: home },
    });
    const { findings } = JSON.parse(stdout) as {
      findings: { subject: string; verdict: string; found: string }[];
    };
    const subjects = findings.map(({ subject }) => subject);
    expect(subjects).toEqual(
      expect.arrayContaining([
        'Node',
        'Cores',
        'Memory',
        'Disk',
        'Engine libraries',
        'GPU',
        'Sandbox',
        'Hub',
      ]),
    );
    expect(findings.find(({ subject }) => subject === 'Engine libraries')).toMatchObject({ verdict: 'good' });
  });
});

describe('a start that cannot be', () => {
  it('offers a free port when the one asked for is taken', async () => {
    const home = temporaryFolder(onTestFinished);
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { code, stderr } = await runProgram(['serve', '--port', String(port)], {
      environment: { CORRAL_HOME: home },
    });
    expect(code).toBe(69);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).toMatch(/--port \d+/);
    expectPlain(stderr);
    expect(existsSync(join(home, 'lock'))).toBe(false);
  });

  it('refuses a second server on one CORRAL_HOME and says where the first answers', async () => {
    const server = await startServer(temporaryFolder(onTestFinished));
    onTestFinished(() => void server.program.process.kill('SIGKILL'));
    const { code, stderr } = await runProgram(['serve', '--port', '0'], {
      environment: { CORRAL_HOME: server.home },
    });
    expect(code).toBe(75);
    expect(stderr).toContain(server.address);
    expectPlain(stderr);
    expect((await server.stop()).code).toBe(0);
  });

  it('says so when CORRAL_HOME cannot be written', async () => {
    const folder = temporaryFolder(onTestFinished);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const asFile = await runProgram(['serve'], { environment: { CORRAL_HOME: join(file, 'home') } });
    expect(asFile.code).toBe(73);
    expect(asFile.stderr).toContain('CORRAL_HOME');
    expectPlain(asFile.stderr);
    // The superuser may write into a folder that forbids it; /proc takes no folder from anybody.
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o500 });
    const home = process.getuid?.() === 0 ? '/proc/corral' : join(closed, 'home');
    const refused = await runProgram(['serve'], { environment: { CORRAL_HOME: home } });
    expect(refused.code).toBe(73);
    expectPlain(refused.stderr);
  });

  it('says so when the disk is full', async () => {
    const folder = temporaryFolder(onTestFinished);
    // A disk of its own, in a namespace that ends with the process.
    const lines = [
      `mount -t tmpfs -o size=64k tmpfs ${folder}`,
      `dd if=/dev/zero of=${folder}/filler bs=4k 2>/dev/null`,
      'exec "$@"',
    ];
    const { code, stderr } = await runProgram(['serve', '--port', '0'], {
      environment: { CORRAL_HOME: join(folder, 'home') },
      before: ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', lines.join('\n'), 'sh'],
    });
    expect(code).toBe(74);
    expect(stderr).toContain('the disk is full');
    expect(stderr).toContain('Make room');
    expectPlain(stderr);
  });
});
