// A process by a mark that no later one gets: its id alone is given to another one day.
import { readFileSync } from 'node:fs';

/** Id and start time in clock ticks, where the system tells it. @param {number} pid */
function markOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in field 2 may hold spaces, so field 22 is counted from its end.
    return `${pid}-${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
  } catch {
    return `${pid}-`;
  }
}

export const ownMark = markOf(process.pid);

/** @param {string} mark */
export const pidOf = (mark) => Number(mark.split('-')[0]);

/** @param {string} mark */
export function isRunning(mark) {
  const pid = pidOf(mark);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return false;
  }
  return markOf(pid) === mark;
}
