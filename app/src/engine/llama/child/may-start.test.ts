import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { readingTask } from '../../../../test/fixtures/reading-task.ts';
import { FairQueue } from './fair-queue.ts';
import { mayBePassed, mayStart } from './may-start.ts';
import type { Task } from './task.ts';

const kvTokens = 8192;
const slots = 4;
/** How long each request takes. */
const usualMs = 6000;
function taskOf(ticket: number, tokens: number, priority: Task['priority'] = 'answer'): Task {
  return readingTask(new Int32Array(tokens), { ticket, priority });
}

/** Three small requests are always being answered, and the next small one is there before one of them ends. */
function startsAfter(large: Task): number {
  const queue = new FairQueue<Task>();
  const active: Task[] = [];
  let ticket = 1;
  const start = (): void => {
    while (active.length < slots) {
      const next = queue.take(
        (task) => mayStart(task, active, kvTokens),
        (task, by) => mayBePassed(task, by, { active, kvTokens, usualMs }),
      );
      if (next === null) return;
      active.push(next);
    }
  };
  for (; ticket <= 3; ticket++) queue.push(taskOf(ticket, 1000));
  start();
  queue.push(large);
  for (let rounds = 1; rounds <= 1000; rounds++) {
    queue.push(taskOf(ticket++, 1000));
    active.shift();
    // Time goes by for all who wait.
    large.queuedAt -= usualMs / 3;
    start();
    if (active.includes(large)) return rounds;
  }
  return Number.POSITIVE_INFINITY;
}

describe('who may start', () => {
  it('is a long chat, too, after a while beside small requests without end', () => {
    const rounds = startsAfter(taskOf(0, 7000));
    // Small ones pass it while it has not waited long.
    expect(rounds).toBeGreaterThan(3);
    expect(rounds).toBeLessThan(12);
  });

  it('is one that had to step back as soon as there is room for it', () => {
    const large = taskOf(0, 7000);
    large.isPreempted = true;
    expect(startsAfter(large)).toBeLessThanOrEqual(3);
  });

  it('is a small one behind one that had to step back, as long as there is room for both', () => {
    const writing = taskOf(1, 5200);
    writing.startedAt = 1;
    const back = taskOf(2, 3000);
    back.startedAt = 2;
    back.isPreempted = true;
    const queue = new FairQueue<Task>();
    queue.push(back);
    for (let ticket = 3; ticket < 40; ticket++) queue.push(taskOf(ticket, 500));
    const active = [writing];
    const take = (): Task | null =>
      queue.take(
        (task) => mayStart(task, active, kvTokens),
        (task, by) => mayBePassed(task, by, { active, kvTokens, usualMs }),
      );
    for (let next = take(); next !== null; next = take()) {
      next.startedAt = next.ticket;
      active.push(next);
    }
    expect(active.map(({ ticket }) => ticket)).toEqual([1, 3, 4, 5, 6, 7]);
    // The old one ends, and there is still room for who stepped back beside those that passed it.
    active.shift();
    expect(take()).toBe(back);
  });

  it('is nobody where one that had to step back would not have room beside it', () => {
    const back = taskOf(2, 6000);
    back.isPreempted = true;
    const queue = new FairQueue<Task>();
    queue.push(back);
    queue.push(taskOf(3, 1000));
    const active = [taskOf(1, 5200)];
    const next = queue.take(
      (task) => mayStart(task, active, kvTokens),
      (task, by) => mayBePassed(task, by, { active, kvTokens, usualMs }),
    );
    expect(next).toBeNull();
  });

  it('is not kept back by side work without room', () => {
    const side = taskOf(0, 7000, 'side');
    const other = taskOf(1, 50);
    const place = { active: [], kvTokens, usualMs };
    side.queuedAt = performance.now() - 3_600_000;
    expect(mayBePassed(side, other, place)).toBe(true);
    side.isPreempted = true;
    expect(mayBePassed(side, other, place)).toBe(true);
  });
});
