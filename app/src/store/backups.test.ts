import { expect, test } from 'vitest';
import { type BackupFile, backupName } from './backup-names.ts';
import { noLongerNeeded } from './backups.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const start = Date.UTC(2026, 0, 1, 3);

function made(reason: string, createdAt: number): BackupFile {
  const name = backupName(createdAt, reason, '.db');
  return { path: `/backups/${name}`, name, reason, form: '.db', createdAt, sizeBytes: 1 };
}

/** As the daily backup leaves them, day after day. */
function after(days: number, others: (day: number) => BackupFile[] = () => []): BackupFile[] {
  let files: BackupFile[] = [];
  for (let day = 0; day < days; day++) {
    files = [...files, ...others(day), made('daily', start + day * dayMs)];
    const gone = new Set(noLongerNeeded(files));
    files = files.filter((file) => !gone.has(file));
  }
  return files;
}

const daysOf = (files: readonly BackupFile[], reason: string): number[] =>
  files
    .filter((file) => file.reason === reason)
    .map(({ createdAt }) => Math.floor((createdAt - start) / dayMs));

test('the last seven days stay, and one of each of four weeks before them', () => {
  const days = daysOf(after(100), 'daily');
  expect(days.slice(-7)).toEqual([93, 94, 95, 96, 97, 98, 99]);
  const weeks = days.slice(0, -7);
  expect(weeks).toHaveLength(4);
  for (const [index, day] of weeks.entries()) expect(92 - day).toBeLessThan((4 - index) * 7);
});

test('restoring over and over in an evening takes no daily backup away', () => {
  const evening = (day: number) =>
    day === 39
      ? Array.from({ length: 30 }, (_, turn) => made('before-restore', start + day * dayMs - turn * 60_000))
      : [];
  const files = after(40, evening);
  expect(daysOf(files, 'daily')).toEqual(daysOf(after(40), 'daily'));
  expect(daysOf(files, 'before-restore')).toHaveLength(7);
});

test('what was made before a new version, or by hand, is not counted with others', () => {
  const others = (day: number) => [
    made('before-restore', start + day * dayMs - hourMs),
    ...(day === 40 ? [made('before-v7', start + day * dayMs - 2 * hourMs)] : []),
    ...(day < 20 ? [made('manual', start + day * dayMs - 3 * hourMs)] : []),
  ];
  const files = after(60, others);
  expect(daysOf(files, 'before-v7')).toHaveLength(1);
  expect(daysOf(files, 'manual')).toHaveLength(20);
});

test('nothing made by itself stays beyond the oldest daily one, and nothing goes before those are all there', () => {
  const first = (day: number) =>
    day === 0 ? [made('before-restore', start - hourMs), made('before-v7', start - hourMs)] : [];
  const reasonsAfter = (days: number): string[] =>
    after(days, first)
      .map(({ reason }) => reason)
      .filter((reason) => reason !== 'daily');
  for (const days of [1, 8, 20]) expect(reasonsAfter(days)).toEqual(['before-restore', 'before-v7']);
  expect(reasonsAfter(100)).toEqual([]);
});
