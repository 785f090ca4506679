import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import { createMask } from './mask-secrets.ts';

test.each([
  ['coded', 'p%40ssword', ['p%40ssword', 'p@ssword']],
  ['with a bare percent sign', '50%off-today', ['50%off-today']],
])('the password of a database is hidden: %s', (_, password, shown) => {
  const root = mkdtempSync(join(tmpdir(), 'corral-mask-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const environment = { DATABASE_URL: `postgres://corral:${password}@db/corral` };
  const mask = createMask(loadConfig({ root, environment }));
  for (const secret of shown) expect(mask(`refused for ${secret}`)).toBe('refused for [hidden]');
});
