import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../config/load-config.ts';
import { settings } from '../config/settings.ts';
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

/** A secret as each of these settings holds it. */
const secretSettings = Object.values(settings).filter((setting) => 'isSecret' in setting);
const addresses = ['DATABASE_URL', 'HTTPS_PROXY', 'HTTP_PROXY'];
const canary = 'canary-0123456789abcdef';

test.each([...new Set([...secretSettings.map(({ env }) => env), ...addresses, 'CORRAL_PROVIDER_X_KEY'])])(
  'A8: the secret in %s is hidden',
  (name) => {
    const root = mkdtempSync(join(tmpdir(), 'corral-mask-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    const scheme = name === 'DATABASE_URL' ? 'postgres' : 'http';
    const environment = {
      CORRAL_PROVIDER_X_URL: 'https://service.example/v1',
      [name]: addresses.includes(name) ? `${scheme}://corral:${canary}@host.example/x` : canary,
    };
    const mask = createMask(loadConfig({ root, environment }), () => ['further-canary']);
    expect(mask(`refused for ${canary}, and further-canary`)).toBe('refused for [hidden], and [hidden]');
  },
);
