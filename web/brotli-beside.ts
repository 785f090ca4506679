import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import type { Plugin } from 'vite';

/** The best takes two seconds for a megabyte, and the page is built at the first start. */
const largeBytes = 1_000_000;
const compressible = /\.(js|css|svg|html|json|woff2?|ttf)$/;

/** Writes `file.br` beside every built asset that gets smaller by it, so that the server compresses nothing. */
export function brotliBeside(): Plugin {
  let folder = 'dist';
  return {
    name: 'brotli-beside',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!compressible.test(name) || name.endsWith('index.html')) continue;
        const bytes = readFileSync(join(folder, name));
        const quality = bytes.length > largeBytes ? 9 : 11;
        const small = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
        if (small.length < bytes.length * 0.95) writeFileSync(join(folder, `${name}.br`), small);
      }
    },
  };
}
