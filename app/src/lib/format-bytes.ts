const steps = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** A size as people say it: `4.1 GB`, `380 MB`; powers of 1000. */
export function formatBytes(bytes: number): string {
  const power = Math.min(steps.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power > 0 && value < 10 ? 1 : 0)} ${steps[power]}`;
}
