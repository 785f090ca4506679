import { enableCompileCache } from 'node:module';

// The launcher names a cache of its own, which serves this file and the threads as well; without it there is this one.
enableCompileCache();
const { start } = await import('./start.ts');
process.exitCode = await start(process.argv.slice(2));
