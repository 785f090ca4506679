const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });
const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000_000],
  ['month', 2_592_000_000],
  ['week', 604_800_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** Time as people say it; the exact one belongs on hover. */
export function timeAgo(time: number, now = Date.now()): string {
  for (const [unit, length] of steps)
    if (Math.abs(now - time) >= length) return relative.format(Math.round((time - now) / length), unit);
  return relative.format(0, 'second');
}

export function exactTime(time: number): string {
  return exact.format(time);
}

export type TimeGroup = 'today' | 'yesterday' | 'week' | 'month' | 'older';

/** `midnight` is that with which today began. */
export function timeGroup(time: number, midnight: number): TimeGroup {
  const day = 86_400_000;
  if (time >= midnight) return 'today';
  if (time >= midnight - day) return 'yesterday';
  if (time >= midnight - 7 * day) return 'week';
  return time >= midnight - 30 * day ? 'month' : 'older';
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3_600)} h ${Math.round((seconds % 3_600) / 60)} min`;
}
