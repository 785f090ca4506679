import { spawnSync } from 'node:child_process';

/** In a namespace of its own, where an ordinary user may mount as well; the words that come before a command. */
export const ownNamespace: [string, ...string[]] = [
  'unshare',
  ...(process.getuid?.() === 0 ? ['-m'] : ['-U', '-r', '-m']),
];

/** Why a process cannot have a disk of its own here; null: it can. */
export function whyNoDisk(): string | null {
  const [command, ...words] = ownNamespace;
  const mount = [...words, 'mount', '-t', 'tmpfs', 'none', '/mnt'];
  const { status, stderr, error } = spawnSync(command, mount, { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim());
}
