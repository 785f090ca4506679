import { describe, expect, it } from 'vitest';
import { usableThreads } from './cpu-quota.ts';
import { ThreadController } from './thread-controller.ts';

/** A machine of two cores on which another program may keep one busy. */
function machine() {
  let now = 0;
  const state = { othersBusy: 0, tells: true };
  let threads = 0;
  const controller = new ThreadController({
    maxThreads: 2,
    use: (count) => (threads = count),
    now: () => now,
    othersBusy: () => (state.tells ? state.othersBusy : null),
  });
  const stepMs = (): number => {
    if (threads === 1) return 7;
    return state.othersBusy >= 0.9 ? 15 : 4;
  };
  const run = (steps: number): number => {
    const started = now;
    for (let index = 0; index < steps; index++) {
      controller.beforeToken();
      const ms = stepMs();
      now += ms;
      controller.afterToken(ms, 1);
    }
    return now - started;
  };
  return { controller, state, run };
}

describe('ThreadController', () => {
  it('keeps all threads while the machine is quiet', () => {
    const { controller, run } = machine();
    run(500);
    expect(controller.threads).toBe(2);
    expect(controller.changes).toBe(0);
  });

  it('gives up the core that another program takes, and takes it back afterwards', () => {
    const { controller, state, run } = machine();
    run(300);
    state.othersBusy = 1;
    run(300);
    expect(controller.threads).toBe(1);
    state.othersBusy = 0;
    run(1000);
    expect(controller.threads).toBe(2);
  });

  it('costs little more than the best fixed count while the other program runs', () => {
    const { state, run } = machine();
    run(100);
    state.othersBusy = 1;
    expect(run(3000)).toBeLessThan(3000 * 7 * 1.05);
  });

  it('finds out by trial where the system does not tell what others do', () => {
    const { controller, state, run } = machine();
    state.tells = false;
    run(300);
    state.othersBusy = 1;
    run(600);
    expect(controller.threads).toBe(1);
  });
});

describe('usableThreads', () => {
  it('keeps within the quota of the cgroup, of either version', () => {
    const cores = usableThreads(() => null);
    const version2 = (text: string) => (path: string) => (path.endsWith('cpu.max') ? text : null);
    expect(usableThreads(version2('100000 100000\n'))).toBe(1);
    expect(usableThreads(version2('50000 100000'))).toBe(1);
    expect(usableThreads(version2('max 100000'))).toBe(cores);
    const version1 = (path: string): string | null =>
      path.endsWith('quota_us') ? '100000' : path.endsWith('period_us') ? '100000' : null;
    expect(usableThreads(version1)).toBe(1);
    const unlimited = (path: string): string | null =>
      path.endsWith('quota_us') ? '-1' : path.endsWith('period_us') ? '100000' : null;
    expect(usableThreads(unlimited)).toBe(cores);
  });
});
