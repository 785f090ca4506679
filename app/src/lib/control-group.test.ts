import { expect, test } from 'vitest';
import { cpuQuota, groupMemory, roomWithin } from './control-group.ts';

const gib = 2 ** 30;
const reader =
  (files: Record<string, string>) =>
  (path: string): string | null =>
    files[path] ?? null;

test('a service of systemd is held to the limits of its own group', () => {
  const unit = '/sys/fs/cgroup/system.slice/corral.service';
  const read = reader({
    '/proc/self/cgroup': '0::/system.slice/corral.service\n',
    [`${unit}/cpu.max`]: '200000 100000',
    [`${unit}/memory.max`]: String(6 * gib),
    [`${unit}/memory.current`]: String(4 * gib),
    [`${unit}/memory.stat`]: `active_file ${gib}`,
  });
  expect(cpuQuota(read)).toBe(2);
  expect(groupMemory(read)).toEqual({ limitBytes: 6 * gib, availableBytes: 3 * gib });
});

test('the smallest limit holds, whichever group above it has it', () => {
  const read = reader({
    '/proc/self/cgroup': '0::/a/b',
    '/sys/fs/cgroup/a/b/cpu.max': 'max 100000',
    '/sys/fs/cgroup/a/cpu.max': '150000 100000',
    '/sys/fs/cgroup/a/b/memory.max': String(8 * gib),
    '/sys/fs/cgroup/a/b/memory.current': String(gib),
    '/sys/fs/cgroup/a/memory.max': String(10 * gib),
    '/sys/fs/cgroup/a/memory.current': String(9 * gib),
  });
  expect(cpuQuota(read)).toBe(1.5);
  expect(groupMemory(read)).toEqual({ limitBytes: 8 * gib, availableBytes: gib });
});

test('version 1 has a folder for each controller, and a container sees its own group as the uppermost', () => {
  const read = reader({
    '/proc/self/cgroup': '4:memory:/docker/one\n2:cpu,cpuacct:/docker/one\n0::/',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    '/sys/fs/cgroup/memory/docker/one/memory.limit_in_bytes': String(2 * gib),
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
  });
  expect(cpuQuota(read)).toBe(4);
  expect(groupMemory(read)).toEqual({ limitBytes: 2 * gib, availableBytes: 2 * gib });
});

test('where nothing limits it there is no limit', () => {
  for (const own of ['0::/', '0::/../elsewhere', '', 'nonsense'])
    expect([cpuQuota, groupMemory].map((ask) => ask(reader({ '/proc/self/cgroup': own })))).toEqual([
      null,
      null,
    ]);
});

test('what a group has read from files is room: a model that was just fetched fits', () => {
  const version2 = `anon ${gib}\nfile ${5 * gib}\ninactive_anon 0\ninactive_file ${3 * gib}\nactive_file ${2 * gib}\n`;
  expect(roomWithin(8 * gib, 6 * gib, version2)).toBe(7 * gib);
  const version1 = `cache 0\ninactive_file 7\nactive_file 8\ntotal_inactive_file ${gib}\ntotal_active_file ${gib}\n`;
  expect(roomWithin(8 * gib, 6 * gib, version1)).toBe(4 * gib);
});

test('without statistics all that is used counts, and never is there more room than the limit', () => {
  expect(roomWithin(8 * gib, 6 * gib, '')).toBe(2 * gib);
  expect(roomWithin(8 * gib, gib, `inactive_file ${3 * gib}`)).toBe(8 * gib);
});
