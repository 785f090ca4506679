import { describe, expect, it } from 'vitest';
import { usableThreads } from './cpu-quota.ts';
import { ThreadController } from './thread-controller.ts';

/** A machine of some cores, two at first, on which other programs may keep one or more busy. */
function machine(cores = 2, maxThreads = cores) {
  let now = 0;
  /** What the first question after a pause is told: of the whole pause. */
  let inPause: number | null = null;
  const othersBusy = (): number => {
    const busy = inPause ?? state.othersBusy;
    inPause = null;
    return busy;
  };
  const state = { othersBusy: 0, tells: true, work: 1, stepsWithFewer: 0, crowdedSteps: 0 };
  let threads = 0;
  const controller = new ThreadController({
    maxThreads,
    cores,
    use: (count) => (threads = count),
    now: () => now,
    othersBusy: () => (state.tells ? othersBusy() : null),
  });
  const isCrowded = (): boolean => threads > cores - Math.floor(state.othersBusy + 0.5);
  const stepMs = (): number => state.work * (isCrowded() ? 15 : 1 + 6 / threads);
  const run = (steps: number): number => {
    const started = now;
    for (let index = 0; index < steps; index++) {
      controller.beforeToken();
      const ms = stepMs();
      if (threads < maxThreads) state.stepsWithFewer++;
      if (isCrowded()) state.crowdedSteps++;
      now += ms;
      controller.afterToken(ms, 1);
    }
    return now - started;
  };
  const read = (): void => {
    controller.beforePrompt();
    now += 300;
  };
  const rest = (ms: number, others = state.othersBusy): void => {
    controller.rest();
    now += ms;
    inPause = others;
    controller.resume();
  };
  /** `before` is what others did until measuring began. */
  const load = (measured: number, before: number | null = null): void => {
    inPause = before;
    controller.watch();
    now += 300;
    controller.begin(measured);
  };
  return { controller, state, run, read, rest, load };
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
    const { controller, state, run, load } = machine(16);
    state.othersBusy = 12;
    load(4);
    run(100);
    expect(controller.threads).toBe(4);
    state.othersBusy = 0;
    // Half a second until that is seen, then one trial.
    run(400);
    expect(controller.threads).toBe(16);
    expect(controller.changes).toBeLessThan(4);
  });

  it('keeps what was measured on a calm machine', () => {
    const { controller, run, load } = machine(16);
    load(12);
    const threads = new Set<number>();
    for (let index = 0; index < 20; index++) {
      run(10);
      threads.add(controller.threads);
    }
    expect([...threads].every((count) => count === 12 || count === 13)).toBe(true);
  });

  it('takes back its cores for a prompt, too', () => {
    const { controller, state, read, load } = machine(8);
    load(8);
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
    const { controller, run, read, rest } = machine(2);
    run(300);
    for (let index = 0; index < 3; index++) {
      rest(3000, 2);
      read();
      read();
      expect(controller.threads).toBe(2);
    }
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
    const { controller, state, run, load } = machine(16);
    state.tells = false;
    load(4);
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

  it('counts cores that others take of the machine, not of what it may use itself', () => {
    const { controller, state, read, run } = machine(16, 4);
    run(300);
    state.othersBusy = 4;
    for (let index = 0; index < 5; index++) {
      read();
      expect(controller.threads).toBe(4);
    }
    run(3000);
    expect(controller.threads).toBe(4);
    state.othersBusy = 14;
    for (let index = 0; index < 5; index++) read();
    expect(controller.threads).toBe(2);
  });

  it('keeps its threads where the system tells nothing of its processors', () => {
    const used: number[] = [];
    const options = {
      maxThreads: 8,
      cores: 0,
      use: (count: number) => used.push(count),
      othersBusy: () => null,
    };
    new ThreadController(options).beforePrompt();
    expect(used).toEqual([8]);
  });

  it('comes back to what was measured, whatever was tried in vain while others were there', () => {
    const { controller, state, read, run, rest } = machine(2);
    run(300);
    state.othersBusy = 1;
    run(500);
    expect(controller.threads).toBe(1);
    // Half of a core is too little to be counted, and enough to be in the way.
    state.othersBusy = 0.5;
    run(3000);
    state.othersBusy = 0;
    rest(60_000);
    read();
    expect(controller.threads).toBe(2);
  });

  it('takes back all of sixteen cores where one more had been tried in vain', () => {
    const { controller, state, run } = machine(16);
    run(300);
    state.othersBusy = 4;
    run(3000);
    expect(controller.threads).toBe(12);
    state.othersBusy = 3;
    run(5000);
    expect(controller.threads).toBeLessThanOrEqual(13);
    state.othersBusy = 0;
    run(1000);
    expect(controller.threads).toBe(16);
  });

  it('drops at once to what eight busy cores of sixteen leave', () => {
    const { controller, state, run } = machine(16);
    run(300);
    state.othersBusy = 8;
    run(200);
    expect(controller.threads).toBe(8);
  });

  it('sees a busy neighbour also where every answer is short', () => {
    const { controller, state, run, rest } = machine(2);
    for (let index = 0; index < 20; index++) {
      run(10);
      rest(600);
    }
    state.othersBusy = 1;
    for (let index = 0; index < 300; index++) {
      run(10);
      rest(600);
    }
    expect(controller.threads).toBe(1);
    expect(state.crowdedSteps).toBeLessThan(150);
  });

  it('is not sure after one calm window that others have gone', () => {
    const { controller, state, run, read } = machine(2);
    run(300);
    state.othersBusy = 1;
    run(300);
    expect(controller.threads).toBe(1);
    for (let index = 0; index < 10; index++) {
      state.othersBusy = index % 2;
      read();
      read();
      expect(controller.threads).toBe(1);
    }
  });

  it('tries more threads seldom where a neighbour stays', () => {
    const { controller, state, run } = machine(2);
    run(300);
    state.othersBusy = 1;
    run(500);
    state.othersBusy = 0.5;
    const { changes } = controller;
    run(9000);
    expect(controller.changes - changes).toBeLessThan(14);
  });

  it('goes on as before where a prompt comes in the middle of a trial', () => {
    const { controller, state, run, read } = machine(2);
    run(300);
    state.othersBusy = 1;
    run(500);
    state.othersBusy = 0.5;
    for (let steps = 0; steps < 1000 && controller.threads === 1; steps++) run(1);
    expect(controller.threads).toBe(2);
    read();
    expect(controller.threads).toBe(1);
  });

  it('reads a prompt with all cores when others were busy an hour ago', () => {
    const { controller, state, run, read, rest } = machine(2);
    run(300);
    state.othersBusy = 1;
    run(500);
    expect(controller.threads).toBe(1);
    state.othersBusy = 0;
    rest(3_600_000);
    read();
    expect(controller.threads).toBe(2);
  });

  it('tries half of the way where there seems to be more room than there is', () => {
    const { controller, state, run } = machine(16);
    run(300);
    state.othersBusy = 12;
    run(300);
    expect(controller.threads).toBe(4);
    // Nearly nine cores, of which eight are counted: with eight threads one would wait.
    state.othersBusy = 8.55;
    run(3000);
    expect(controller.threads).toBeGreaterThan(4);
    expect(controller.threads).toBeLessThan(8);
  });

  it('comes back to what a trial has shown to be better than what was measured', () => {
    const { controller, state, run, load } = machine(16);
    load(4);
    run(5000);
    const better = controller.threads;
    expect(better).toBeGreaterThan(4);
    state.othersBusy = 15;
    run(300);
    expect(controller.threads).toBe(1);
    state.othersBusy = 0;
    run(200);
    expect(controller.threads).toBe(better);
  });

  it('does not take a context that grows for somebody in the way', () => {
    const { controller, state, run } = machine(2);
    state.tells = false;
    for (let step = 0; step < 2000; step++) {
      state.work = 1 + step * 0.0003;
      run(1);
    }
    expect(controller.changes).toBe(0);
  });

  it('believes what was measured in peace, whatever went before', () => {
    const { controller, run, load } = machine(16);
    load(12, 16);
    run(1000);
    expect(controller.threads).toBeLessThan(14);
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
