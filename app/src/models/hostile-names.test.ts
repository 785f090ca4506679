import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyGguf } from '../../test/fixtures/tiny-gguf.ts';
import { drain, type ModelsOnHub, pulled, startModelsOnHub } from '../../test/hub/models-on-hub.ts';
import { AppError } from '../contracts/app-error.ts';
import { createModelPaths } from './registry/model-paths.ts';

/** Ways out of a folder, and names that some system takes for something else. */
const stems = [
  '..',
  '../..',
  '../../../../../../tmp/evil',
  '/etc/passwd',
  '/abs',
  '//host/share',
  '~',
  '~root/.ssh/id',
  './.',
  '..\\..\\evil',
  'a\\..\\..\\b',
  'C:\\evil',
  'C:evil',
  '\\\\?\\C:\\evil',
  '\\\\.\\pipe\\x',
  'file:///etc/passwd',
  '..%2fevil',
  '%2e%2e%2fevil',
  '%252e%252e%252fevil',
  '..%5cevil',
  '..%c0%af',
  '%00',
  'nul\0byte',
  'evil\0.gguf',
  'CON',
  'NUL.gguf',
  'aux',
  'com1.gguf',
  'name.',
  'name ',
  ' name',
  '.hidden',
  '...',
  '....//',
  '..;/',
  '．．／evil',
  '‥／evil',
  '\u202Egnp.fugg',
  'ＣＯＮ',
  'a\nb',
  'a\rb',
  'a\tb',
  '$(id)',
  '`id`',
  '; rm -rf /',
  '| id',
  '&& id',
  '{{7*7}}',
  '<script>',
  '"quoted"',
  "'quoted'",
  '*',
  '?',
  'a:b:c',
  ':',
  '@',
  '@@',
  '+',
  '++',
  '*1*1',
  '__proto__',
  'constructor',
  'x'.repeat(4096),
  'é'.repeat(300),
  '\uD800',
  '-rf',
  '--help',
  '-',
  '_',
  '.git/config',
  '.env',
];
const corpus = [...stems, ...stems.map((name) => `sub/${name}`), ...stems.map((name) => `${name}/x.gguf`)];

describe('names from outside', () => {
  let at: ModelsOnHub;
  let parent: string;
  let gguf: Buffer;

  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), 'corral-names-'));
    gguf = readFileSync((await writeTinyGguf(parent, { type: 'q8_0' })).path);
    at = await startModelsOnHub();
    at.hub.add({ id: 'owner/name', files: { 'm-Q8_0.gguf': gguf } });
  });

  afterAll(async () => {
    await at.close();
    rmSync(parent, { recursive: true });
  });

  /** Everything under CORRAL_HOME is a hash or one of our words. */
  function expectOnlyOurs(): void {
    const names = existsSync(join(at.folder, 'models'))
      ? readdirSync(join(at.folder, 'models'), { recursive: true })
      : [];
    const ours =
      /^(?:blobs|manifests|adapters|pulls)(?:\/(?:sha256-[0-9a-f]{64}\.gguf|[0-9a-f]{64}(?:\.json)?))?(?:\/(?:pull\.json|result\.\w+|\d+\.\w+))?$/;
    expect(names.map(String).filter((name) => !ours.test(name))).toEqual([]);
    expect(readdirSync(at.folder).filter((name) => name !== 'models')).toEqual([]);
  }

  it('are more than two hundred', () => {
    expect(new Set(corpus).size).toBeGreaterThanOrEqual(200);
  });

  it('never become a path, as repository, revision, file, adapter, label or name', async () => {
    for (const name of corpus) {
      const references = [
        name,
        `owner/${name}`,
        `owner/name@${name}`,
        `owner/name/${name}.gguf`,
        `owner/name+${name}`,
        `owner/name:${name}`,
      ];
      for (const reference of references) {
        for (const call of [
          () => drain(at.models.pull(reference)),
          () => at.models.resolve(reference),
          () => at.models.remove(reference),
          () => at.models.adapters.remove(reference),
        ]) {
          const outcome = await call().catch((error: unknown) => error);
          // A name with a space at its end is the plain name.
          if (outcome instanceof Error) {
            expect(outcome, `${JSON.stringify(reference)}: ${outcome.message}`).toBeInstanceOf(AppError);
          }
        }
      }
    }
    expectOnlyOurs();
  });

  it('in a repository are left alone, and as the name of an import become a plain word', async () => {
    at.hub.add({
      id: 'owner/hostile',
      files: { ...Object.fromEntries(corpus.map((name) => [`${name}.gguf`, gguf])), 'good-Q8_0.gguf': gguf },
    });
    expect((await pulled(at.models.pull('owner/hostile:q8_0'))).id).toBe('owner/hostile:q8_0');
    for (const [index, name] of stems.entries()) {
      const outcome = await pulled(at.models.import(join(parent, 'tiny.gguf'), { name })).catch(
        (error: unknown) => error,
      );
      const id = outcome instanceof AppError ? outcome.code : (outcome as { id: string }).id;
      expect(id, `${index}`).toMatch(/^[\w][\w.-]{0,95}$/);
    }
    expectOnlyOurs();
  });

  it('are refused by the one place that makes paths', () => {
    const paths = createModelPaths('/models');
    for (const name of corpus) {
      expect(() => paths.blob(name)).toThrow(TypeError);
      expect(() => paths.pull(name)).toThrow(TypeError);
      expect(() => paths.inPull('0'.repeat(64), name as 'pull.json')).toThrow(TypeError);
      expect(paths.manifest(name)).toMatch(/^\/models\/manifests\/[0-9a-f]{64}\.json$/);
      expect(paths.adapter(name, name)).toMatch(/^\/models\/adapters\/[0-9a-f]{64}\.json$/);
    }
  });
});
