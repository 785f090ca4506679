import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

const ticksPerSecond = 100;

/** Reads how much of the machine others used since it was last asked: all busy time less this process's own. */
export function createLoadMeter(): () => number | null {
  let lastBusy: number | null = null;
  let lastOwn = 0;
  let lastAt = 0;
  return () => {
    const busy = busySeconds();
    const own = process.cpuUsage();
    const ownSeconds = (own.user + own.system) / 1e6;
    const at = performance.now() / 1000;
    const seconds = at - lastAt;
    const others = busy === null || lastBusy === null ? null : busy - lastBusy - (ownSeconds - lastOwn);
    lastBusy = busy;
    lastOwn = ownSeconds;
    lastAt = at;
    return others === null || seconds <= 0 ? null : Math.max(0, others / seconds);
  };
}

function busySeconds(): number | null {
  try {
    const [first] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
    const [user, nice, system, , , irq, softIrq, steal] = (first ?? '').split(/\s+/).slice(1).map(Number);
    const ticks = [user, nice, system, irq, softIrq, steal].reduce<number>(
      (sum, value) => sum + (value ?? 0),
      0,
    );
    return ticks / ticksPerSecond;
  } catch {
    return null;
  }
}
