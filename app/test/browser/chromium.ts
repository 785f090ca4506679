import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The browser that the tests drive: the machine's own, or one from npm. */
export interface Chromium {
  executablePath: string;
  args: string[];
}

const toolFolder = join(import.meta.dirname, '..', 'tools', 'chromium');
const systemPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
];
const whatToDo =
  'Chromium is needed for this test and could not be had: install it (Debian: apt install chromium) or run `npm ci --ignore-scripts` in app/test/tools/chromium with the registry in reach';

/** Without a GPU, and told by Debian's settings to draw with one, it would draw with an emulated one: slowly. */
const ownArguments = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];

interface Package {
  default: { executablePath: () => Promise<string>; args: string[] };
}

async function fromNpm(): Promise<Chromium> {
  const require = createRequire(join(toolFolder, 'package.json'));
  if (!existsSync(join(toolFolder, 'node_modules', '@sparticuz', 'chromium'))) {
    try {
      const command = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
      const [program = 'npm', ...first] = command;
      execFileSync(program, [...first, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
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
  }
  const loaded = (await import(require.resolve('@sparticuz/chromium'))) as Package;
  return { executablePath: await loaded.default.executablePath(), args: loaded.default.args };
}

/** Throws one line that says what to do when there is none and none can be had. */
export async function findChromium(sources = { system: true }): Promise<Chromium> {
  const own = sources.system
    ? [process.env.CORRAL_TEST_CHROMIUM, ...systemPaths].find((path) => path && existsSync(path))
    : undefined;
  if (own) return { executablePath: own, args: ownArguments };
  return fromNpm();
}
