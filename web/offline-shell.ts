import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformWithOxc, type Plugin, type Rolldown } from 'vite';

const source = join(import.meta.dirname, 'src', 'offline', 'service.worker.ts');
const placeholder = '__CORRAL_SHELL__;';
const entry = /\/src\/main\.tsx$/;

type Bundle = Rolldown.OutputBundle;

/** The file and all that is loaded with it. */
function withImports(bundle: Bundle, name: string, found: Set<string>): Set<string> {
  const chunk = bundle[name];
  if (found.has(name) || chunk?.type !== 'chunk') return found;
  found.add(name);
  for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
  for (const next of chunk.imports) withImports(bundle, next, found);
  return found;
}

/** The parts that the page fetches by itself once it is drawn. */
function partFiles(bundle: Bundle): Set<string> {
  const files = new Set<string>();
  for (const chunk of Object.values(bundle))
    if (chunk.type === 'chunk' && chunk.moduleIds.some((id) => entry.test(id)))
      for (const part of chunk.dynamicImports) withImports(bundle, part, files);
  if (files.size === 0) throw new Error('the page has no parts');
  return files;
}

/** Makes the service worker, which is told the files that belong to its page: another page has another worker. */
export function offlineShell(): Plugin {
  return {
    name: 'offline-shell',
    apply: 'build',
    generateBundle: {
      order: 'post',
      async handler(_, bundle) {
        const { code } = await transformWithOxc(readFileSync(source, 'utf8'), source);
        const html = bundle['index.html']?.type === 'asset' ? String(bundle['index.html'].source) : '';
        const entryFiles = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map((match) => match[1]);
        if (entryFiles.length === 0 || !code.includes(placeholder))
          throw new Error('the service worker does not ask for the files of the page');
        const partNames = [...partFiles(bundle)].map((name) => `/${name}`);
        const build = createHash('sha256').update(html).update(Object.keys(bundle).sort().join('\n'));
        const shell = {
          build: build.digest('hex').slice(0, 16),
          entryFiles,
          partFiles: partNames.filter((name) => !entryFiles.includes(name)).sort(),
        };
        this.emitFile({
          type: 'asset',
          fileName: 'service-worker.js',
          source: code.replace(placeholder, `${JSON.stringify(shell)};`),
        });
      },
    },
  };
}
