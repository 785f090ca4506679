import { enableCompileCache } from 'node:module';

// The launcher names a cache of its own, which serves this file and the threads as well; without it there is this one.
enableCompileCache();
const { start } = await import('./start.ts');
const code = await start(process.argv.slice(2));
// What a slow reader has not taken yet would be lost with an exit.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<unknown>((resolve) => stream.write('', resolve));
}
// A process that runs out takes down its signal handlers first, for some milliseconds in which a Ctrl-C that comes twice
// (from the terminal, and passed on by the launcher) kills it. One that is told to exit keeps them.
process.exit(code);
