import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Account, findPrograms } from './postgres-programs.ts';

export interface PostgresServer {
  /** Of a database that nobody else uses. */
  url(database: string): Promise<string>;
  version: string;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** False: as if the machine had no PostgreSQL of its own. */
  system?: boolean;
  /** Settings of the server, such as `fsync=off`. */
  settings?: string[];
}

const patienceMs = 30_000;

/** A PostgreSQL server of this test's own: in a temporary folder, on a socket in it, without a port. */
export async function startPostgres(options: StartOptions = {}): Promise<PostgresServer> {
  // PostgreSQL refuses to run as root.
  const account = process.getuid?.() === 0 ? otherAccount() : undefined;
  const programs = findPrograms(account, { system: options.system ?? true });
  const folder = mkdtempSync(join(tmpdir(), 'corral-pg-'));
  if (account) chownSync(folder, account.uid, account.gid);
  const identity = { ...account, cwd: folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
  const data = join(folder, 'data');
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    programs.remove();
  };
  try {
    const initialise = [
      '-D',
      data,
      '-U',
      'corral',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-locale',
      '--no-instructions',
    ];
    execFileSync(join(programs.folder, 'initdb'), initialise, { ...identity, stdio: 'pipe' });
    const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, ...(options.settings ?? [])];
    const server = spawn(
      join(programs.folder, 'postgres'),
      ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
      { ...identity, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    return await running(server, folder, remove);
  } catch (error) {
    remove();
    throw error;
  }
}

async function running(server: ChildProcess, folder: string, remove: () => void): Promise<PostgresServer> {
  let output = '';
  server.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  server.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const address = (database: string): string => `postgresql://corral@/${database}?host=${folder}`;
  const deadline = performance.now() + patienceMs;
  let version: string | undefined;
  while (version === undefined) {
    version = await readVersion(address('postgres'));
    if (version !== undefined) break;
    if (server.exitCode !== null || performance.now() > deadline)
      throw new Error(`PostgreSQL did not start: ${output.slice(-2000)}`);
    await sleep(50);
  }
  return {
    version,
    async url(database) {
      await withClient(address('postgres'), (client) => client.query(`create database "${database}"`));
      return address(database);
    },
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await ended;
      remove();
    },
  };
}

async function withClient<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function readVersion(url: string): Promise<string | undefined> {
  try {
    const result = await withClient(url, (client) =>
      client.query<{ server_version: string }>('show server_version'),
    );
    return result.rows[0]?.server_version;
  } catch {
    return undefined;
  }
}

/** Some account that has a name, which `initdb` asks for. */
function otherAccount(): Account {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = (lines.find((line) => line.startsWith(`${name}:`)) ?? '').split(':');
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL refuses to run as root, and /etc/passwd knows neither postgres nor nobody');
}
