import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Each guard of `npm run check` is shown a fault of its kind, in a copy of the tree, and must refuse it. */
const root = join(import.meta.dirname, '..');
let copy: string;

beforeAll(() => {
  // Inside the tree, so that the tools find what is installed where they expect it; links cost no space.
  mkdirSync(join(root, '.cache'), { recursive: true });
  copy = mkdtempSync(join(root, '.cache', 'guards-'));
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.split('\n').filter((name) => name !== '' && !name.endsWith('.safetensors'))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  execFileSync('cp', ['--archive', '--link', join(root, 'node_modules'), copy]);
  execFileSync('git', ['init', '--quiet'], { cwd: copy });
  execFileSync('git', ['add', '--all'], { cwd: copy });
}, 120_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function check(guard: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/check.ts', guard], {
    cwd: copy,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

/** Puts the fault in, asks the guard, and takes the fault out again. */
function refusal(guard: string, file: string, fault: (content: string) => string): string {
  const path = join(copy, file);
  let before: string | null = null;
  try {
    before = readFileSync(path, 'utf8');
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  writeFileSync(path, fault(before ?? ''));
  execFileSync('git', ['add', '--all'], { cwd: copy });
  const { status, output } = check(guard);
  if (before === null) rmSync(path);
  else writeFileSync(path, before);
  execFileSync('git', ['add', '--all'], { cwd: copy });
  expect(status).toBe(1);
  return output;
}

/** The same with several files of their own at once. */
function refusalOf(guard: string, fileOf: (name: string) => string, codes: Record<string, string>): string {
  const files = Object.keys(codes).map((name) => join(copy, fileOf(name)));
  for (const [name, code] of Object.entries(codes)) writeFileSync(join(copy, fileOf(name)), `${code}\n`);
  execFileSync('git', ['add', '--all'], { cwd: copy });
  const { status, output } = check(guard);
  for (const file of files) rmSync(file);
  execFileSync('git', ['add', '--all'], { cwd: copy });
  expect(status).toBe(1);
  return output;
}

const manyLines = Array.from({ length: 301 }, (_, index) => `export const value${index} = ${index};`).join(
  '\n',
);
const longFunction = `export function long(): number {\n  let sum = 0;\n${'  sum += 1;\n'.repeat(60)}  return sum;\n}`;

describe('npm run check', { timeout: 240_000 }, () => {
  it('refuses every breach of the house rules', () => {
    const breaches: Record<string, string> = {
      'max-lines': manyLines,
      'max-lines-per-function': longFunction,
      'max-params': 'export const f = (a: 1, b: 1, c: 1, d: 1, e: 1): number => a + b + c + d + e;',
      complexity: `export const f = (x: number): number => ${'x > 1 ? 1 : '.repeat(13)}0;`,
      'no-floating-promises': 'export function f(): void {\n  Promise.resolve(1);\n}',
      'no-explicit-any': 'export const f = (x: any): unknown => x;',
      'no-default-export': 'const one = 1;\nexport default one;',
      'prefer-node-protocol': "import { join } from 'path';\nexport const f = (): string => join('a');",
      'no-process-env': 'export const f = (): unknown => process.env.HOME;',
      'no-console': "export const f = (): void => console.log('x');",
    };
    const output = refusalOf('lint', (rule) => `app/src/lib/planted-${rule}.ts`, breaches);
    for (const rule of Object.keys(breaches))
      expect(output).toMatch(new RegExp(`\\(${rule}\\)[^]*planted-${rule}\\.ts`));
  });

  it('refuses every arrow that is not allowed', () => {
    const arrows: Record<string, [file: string, code: string]> = {
      'no-upward': ['app/src/lib/planted-up.ts', "export { loadConfig } from '../config/load-config.ts';"],
      'no-sideways-from-store': [
        'app/src/store/planted.ts',
        "export { createFleet } from '../engine/fleet.ts';",
      ],
      'adapters-only-in-compose': [
        'app/src/chat/planted.ts',
        "export { createSqliteStore } from '../store/sqlite/sqlite-store.ts';",
      ],
      'web-sees-contracts-as-types-only': [
        'web/src/planted.ts',
        "export { errorCodes } from '../../app/src/contracts/error-codes.ts';",
      ],
      'formats-do-no-io': ['app/src/formats/planted.ts', "export { readFileSync } from 'node:fs';"],
      'no-circular': [
        'app/src/lib/planted-a.ts',
        "import { b } from './planted-b.ts';\nexport const a: unknown = b;",
      ],
      '': ['app/src/lib/planted-b.ts', "import { a } from './planted-a.ts';\nexport const b: unknown = a;"],
    };
    const codes = Object.fromEntries(Object.entries(arrows).map(([rule, [, code]]) => [rule, code]));
    const output = refusalOf('layers', (rule) => arrows[rule]?.[0] ?? '', codes);
    const named = Object.entries(arrows).filter(([rule]) => rule !== '');
    for (const [rule, [file]] of named) expect(output).toMatch(new RegExp(`${rule}[^\n]*: ${file}`));
  });

  it('refuses layers that were checked over fewer modules than git knows', () => {
    const blind = (content: string): string =>
      content.replace('exclude: { path: [', "exclude: { path: ['^app/src/config',");
    expect(refusal('layers', '.dependency-cruiser.mjs', blind)).toContain(
      'not cruised: app/src/config/config.ts',
    );
  });

  it('refuses a wrong type in each workspace', () => {
    const files = ['app/src/lib/planted.ts', 'web/src/planted.ts', 'scripts/planted.ts'];
    const codes = Object.fromEntries(files.map((file) => [file, "export const x: number = 'text';"]));
    const output = refusalOf('types', (file) => file, codes);
    for (const file of files) expect(output).toMatch(new RegExp(`^${file}.*TS2322`, 'm'));
  });

  it('refuses unformatted code', () => {
    expect(refusal('format', 'app/src/lib/planted.ts', () => 'export   const x=1\n')).toContain('planted.ts');
  });

  it('refuses dead code', () => {
    expect(refusal('dead', 'app/src/lib/planted.ts', () => 'export const nobodyUsesThis = 1;\n')).toContain(
      'planted.ts',
    );
  });

  it.each([
    ['docs/errors.md', (content: string) => content.replace(/^\| `conflict`.*\n/m, ''), 'lacks "conflict'],
    [
      'docs/errors.md',
      (content: string) => `${content}| \`invented\` | 500 | 1 | no | x |\n`,
      'has "invented',
    ],
    [
      'docs/config.md',
      (content: string) => content.replace('7860', '7861'),
      'docs/config.md is not what the code says',
    ],
    [
      'docs/cli.md',
      (content: string) => content.replace('Usage: corral serve', 'Usage: corral start'),
      'docs/cli.md is not what the code says',
    ],
  ])('refuses a document that is not true: %s', (file, fault, message) => {
    expect(refusal('documents', file, fault)).toContain(message);
  });

  it.each([
    ['layers', 'docs/architecture.md', ['cli --> config', 'cli --> outbox'], 'is not what the code says'],
    ['shape', 'docs/architecture.md', ['`openSse`', '`openNot`'], 'does not explain openSse'],
    ['strings', 'web/src/sign-in.tsx', ['{strings.shell.accessKey}', 'Key'], 'says "Key"'],
    ['strings', 'web/src/banners.tsx', ['{strings.shell.reload}', "{stale ? 'now' : ''}"], 'says "now"'],
    [
      'strings',
      'web/src/error-boundary.tsx',
      ['strings.shell.crashed}', "'Out of hay.'}"],
      'says "Out of hay."',
    ],
    [
      'strings',
      'web/src/strings.ts',
      ["close: 'Close',", "close: 'Close', open: 'Open',"],
      'strings.open is',
    ],
    ['commands', 'README.md', ['npx corral list', 'npx corral lost'], 'there is no command "lost"'],
    ['commands', 'docs/promises.md', ['app/test/origins', 'app/test/nowhere'], 'no test lies at'],
    ['commands', 'docs/promises.md', ['## 8. ', '## Also: '], 'has 7 promises'],
    ['dependencies', 'docs/dependencies.md', ['| zod | schemas', '| zot | schemas'], 'has no row for zod'],
    [
      'dependencies',
      'package-lock.json',
      ['"node_modules/zod": {', '"node_modules/zod": {\n      "hasInstallScript": true,'],
      'node_modules/zod runs a script',
    ],
  ] as [string, string, [string, string], string][])(
    '%s refuses a fault in %s',
    (guard, file, change, message) => {
      const fault = (content: string): string => content.replace(...change);
      expect(refusal(guard, file, fault)).toContain(message);
    },
  );

  it('refuses a kernel that its source does not compile to', () => {
    const files = execFileSync('git', ['ls-files', 'app/kernels/*.kernel.ts'], {
      cwd: copy,
      encoding: 'utf8',
    })
      .trim()
      .split('\n');
    const source = files[0] ?? '';
    expect(
      refusal(
        'kernels',
        source,
        (content) => `${content}\nexport function planted(): i32 {\n  return 42;\n}\n`,
      ),
    ).toContain('.wasm');
  });
});
