import { join } from 'node:path';

const source = join(import.meta.dirname, '../../src');
const workers = ['writer', 'reader', 'backup'].map((name) => [
  `${name}.worker`,
  join(source, 'store/sqlite', `${name}.worker.ts`),
]);

/** The driver with its workers and libraries in a few files. Workers keep the names under which they are started. */
export default {
  root: join(import.meta.dirname, '../..'),
  ssr: { noExternal: true },
  build: {
    ssr: true,
    minify: true,
    rolldownOptions: {
      input: { driver: join(import.meta.dirname, 'driver.ts'), ...Object.fromEntries(workers) },
      output: { entryFileNames: '[name].ts', chunkFileNames: '[name].js' },
    },
  },
};
