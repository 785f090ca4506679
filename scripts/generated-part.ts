import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * The part of a document that the code writes, between `<!-- generated: NAME -->` and `<!-- end: NAME -->`. Gives back
 * what is wrong with it; with `--write` on the command line it is written instead.
 */
export function compareGeneratedPart(path: string, name: string, wanted: string): string[] {
  const [open, close] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
  const text = existsSync(path) ? readFileSync(path, 'utf8') : `${open}\n${close}\n`;
  const start = text.indexOf(open);
  const end = text.indexOf(close);
  if (start < 0 || end < start) return [`${path} lacks the marks ${open} and ${close}`];
  const renewed = `${text.slice(0, start + open.length)}\n\n${wanted}\n\n${text.slice(end)}`;
  if (renewed === text) return [];
  if (process.argv.includes('--write')) {
    writeFileSync(path, renewed);
    return [];
  }
  const script = relative(process.cwd(), process.argv[1] ?? '');
  return [`${path} is not what the code says; run: node bin/run.mjs ${script} --write`];
}
