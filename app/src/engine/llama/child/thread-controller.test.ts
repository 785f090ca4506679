import { describe, expect, it } from 'vitest';
import { usableThreads } from './cpu-quota.ts';
import { ThreadController } from './thread-controller.ts';

/** A machine of some cores, two at first, on which other programs may keep one or more busy. */
function machine(cores = 2) {
  let now = 0;
  /** What the first question after a pause is told: of the whole pause. */
  let inPause: number | null = null;
  const othersBusy = (): number => {
    const busy = inPause ?? state.othersBusy;
    inPause = null;
    return busy;
  };
  const state = { othersBusy: 0, tells: true, work: 1, stepsWithFewer: 0 };
  let threads = 0;
  const controller = new ThreadController({
    maxThreads: cores,
    use: (count) => (threads = count),
    now: () => now,
    othersBusy: () => (state.tells ? othersBusy() : null),
  });
  const stepMs = (): number => {
    const isCrowded = threads > cores - Math.floor(state.othersBusy + 0.1);
    return state.work * (isCrowded ? 15 : 1 + 6 / threads);
  };
  const run = (steps: number): number => {
    const started = now;
    for (let index = 0; index < steps; index++) {
      controller.beforeToken();
      const ms = stepMs();
      if (threads < cores) state.stepsWithFewer++;
      now += ms;
      controller.afterToken(ms, 1);
    }
    return now - started;
  };
  const read = (): void => {
    controller.beforePrompt();
    now += 300;
  };
  const rest = (ms: number): void => {
    now += ms;
    inPause = state.othersBusy;
    controller.resume();
  };
  return { controller, state, run, read, rest };
}

describe('ThreadController', () => {
  it('keeps all threads while the machine is quiet', () => {
    const { controller, run } = machine();
    run(500);
    expect(controller.threads).toBe(2);
    expect(controller.changes).toBe(0);
  });

  it('keeps them where steps are slow because there is more to do, and nobody else is there', () => {
    const { controller, state, run } = machine();
    run(300);
    state.work = 2;
    run(20);
    expect(controller.changes).toBe(0);
  });

  it('sees after two steps that fewer are no help then, where it cannot know whether others are there', () => {
    const { controller, state, run } = machine();
    state.tells = false;
    run(300);
    state.work = 2;
    run(20);
    expect(controller.changes).toBe(2);
    expect(state.stepsWithFewer).toBe(2);
    expect(controller.threads).toBe(2);
  });

  it('keeps its cores for an answer that others slow down for a moment only', () => {
    const { controller, state, run } = machine();
    run(300);
    state.othersBusy = 1;
    run(20);
    state.othersBusy = 0;
    run(300);
    expect(controller.changes).toBe(0);
  });

  it('takes them back without trials when others have gone', () => {
    const { controller, state, run } = machine();
    run(300);
    state.othersBusy = 1;
    run(3000);
    expect(controller.threads).toBe(1);
    state.othersBusy = 0;
    const { changes } = controller;
    run(200);
    expect(controller.threads).toBe(2);
    expect(controller.changes).toBe(changes + 1);
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

  it('does not believe what was measured at load while others were busy', () => {
    const { controller, state, run } = machine(16);
    state.othersBusy = 12;
    controller.begin(4);
    run(100);
    expect(controller.threads).toBe(4);
    state.othersBusy = 0;
    // Half a second until that is seen, then one trial.
    run(400);
    expect(controller.threads).toBe(16);
    expect(controller.changes).toBeLessThan(4);
  });

  it('keeps what was measured on a calm machine', () => {
    const { controller, run } = machine(16);
    controller.begin(12);
    const threads = new Set<number>();
    for (let index = 0; index < 20; index++) {
      run(10);
      threads.add(controller.threads);
    }
    expect([...threads].every((count) => count === 12 || count === 13)).toBe(true);
  });

  it('takes back its cores for a prompt, too', () => {
    const { controller, state, read } = machine(8);
    controller.begin(8);
    state.othersBusy = 4;
    for (let index = 0; index < 5; index++) read();
    expect(controller.threads).toBe(4);
    state.othersBusy = 0;
    for (let index = 0; index < 6; index++) read();
    expect(controller.threads).toBe(8);
  });

  it('keeps its cores for a prompt where others were busy for a moment only', () => {
    const { controller, state, read } = machine();
    for (let index = 0; index < 3; index++) read();
    state.othersBusy = 1;
    read();
    read();
    state.othersBusy = 0;
    for (let index = 0; index < 5; index++) {
      read();
      expect(controller.threads).toBe(2);
    }
  });

  it('counts what others did in a pause neither for a prompt nor for tokens', () => {
    const { controller, state, run, read, rest } = machine(2);
    run(300);
    state.othersBusy = 2;
    rest(3000);
    state.othersBusy = 0;
    read();
    expect(controller.threads).toBe(2);
    run(300);
    expect(controller.threads).toBe(2);
    expect(controller.changes).toBe(0);
  });

  it('still knows after a short pause that others are busy, and begins anew after a long one', () => {
    const { controller, state, run, rest } = machine(2);
    run(300);
    state.othersBusy = 1;
    run(300);
    rest(1000);
    expect(controller.threads).toBe(1);
    rest(60_000);
    expect(controller.threads).toBe(2);
    run(300);
    expect(controller.threads).toBe(1);
  });

  it('goes half of the way where all at once is too far', () => {
    const { controller, state, run } = machine(16);
    state.tells = false;
    controller.begin(4);
    state.othersBusy = 8;
    run(3000);
    expect(controller.threads).toBeGreaterThan(4);
    expect(controller.threads).toBeLessThanOrEqual(8);
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
