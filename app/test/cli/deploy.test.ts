import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../program.ts';

/** What docs/deploy.md and the container file say, held against what is there. */

const page = readFileSync(join(root, 'docs', 'deploy.md'), 'utf8');

function block(language: string, containing: string): string {
  const blocks = [...page.matchAll(/```(\w*)\n([\s\S]*?)```/g)];
  const found = blocks.find(([, name, text]) => name === language && text?.includes(containing));
  return found?.[2] ?? '';
}

test('the systemd unit starts the launcher, not npm, and gives a stop its time', () => {
  const unit = new Map(
    block('ini', '[Service]')
      .split('\n')
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const [node, file = '', command] = (unit.get('ExecStart') ?? '').split(' ');
  expect([node, command]).toEqual(['/usr/bin/node', 'serve']);
  expect(existsSync(join(root, file))).toBe(true);
  expect(Number(unit.get('TimeoutStopSec'))).toBeGreaterThan(20);
  expect(unit.get('KillMode')).toBe('mixed');
  expect(block('sh', 'useradd').trim().split(' ')).toEqual(
    expect.arrayContaining(['useradd', unit.get('User')]),
  );
  expect(unit.get('Environment')).toBe(`CORRAL_HOME=/var/lib/${unit.get('StateDirectory')}`);
  // Commands would not read it, and so work on another database than the service.
  expect(unit.has('EnvironmentFile')).toBe(false);
  expect(block('sh', 'useradd')).toContain(`/var/lib/${unit.get('StateDirectory')}/.env`);
});

test('commands beside the service name its user, its folder and its CORRAL_HOME', () => {
  const unit = block('ini', '[Service]');
  const valueOf = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  const launcher = `${valueOf('WorkingDirectory')}/${valueOf('ExecStart').split(' ')[1]}`;
  expect(block('sh', 'sudo -u')).toBe(
    `sudo -u ${valueOf('User')} env ${valueOf('Environment')} node ${launcher} pull …\n`,
  );
});

describe('the proxies', () => {
  test('hand events on as they come, longer than the silence between two signs of life', () => {
    const nginx = block('nginx', 'proxy_pass');
    expect(nginx).toContain('proxy_buffering off;');
    expect(nginx).toContain('proxy_set_header Host $http_host;');
    expect(Number(/proxy_read_timeout (\d+)s/.exec(nginx)?.[1])).toBeGreaterThan(15);
    // An import may have 128 MB.
    expect(Number(/client_max_body_size (\d+)m/.exec(nginx)?.[1])).toBeGreaterThanOrEqual(128);
    // A backup from a file may be larger than that, and is not written to nginx's disk first.
    const backups = /location \/api\/backup-files\/ \{([^}]*)\}/.exec(nginx)?.[1];
    expect(backups).toContain('client_max_body_size 0;');
    expect(backups).toContain('proxy_request_buffering off;');
    expect(nginx).toContain('ssl_certificate_key ');
    expect(block('', 'reverse_proxy')).toContain('flush_interval -1');
  });
});

test('the container file names what is here, and copies nothing that belongs to one machine', () => {
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8').split('\n');
  const words = (name: string): string[] =>
    JSON.parse(
      lines.find((line) => line.startsWith(`${name} [`))?.slice(name.length + 1) ?? '[]',
    ) as string[];
  expect(words('ENTRYPOINT')[0]).toBe('node');
  expect(existsSync(join(root, words('ENTRYPOINT')[1] ?? ''))).toBe(true);
  expect(words('CMD')).toEqual(['serve']);
  const started = block('sh', 'docker run');
  const name = /docker run --name (\S+)/.exec(started)?.[1];
  expect(started).toContain(`docker exec ${name} ${words('ENTRYPOINT').join(' ')} pull …`);
  expect(lines).toContain('USER corral');
  expect(lines.find((line) => line.startsWith('ENV'))).toContain('HOST=0.0.0.0');
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  for (const name of ['**/node_modules', '.git', '.env', 'web/dist', '.cache'])
    expect(ignored).toContain(name);
});
