import { performance } from 'node:perf_hooks';
import type { Task } from './task.ts';

/** Side work that waited this long starts beside answers, if there is a free slot. */
const sidePatienceMs = 30_000;
/** Who had to step back comes again only when there is some room to spare, else it would at once step back again. */
const roomyShare = 0.8;

/** Whether a task may start beside those that are active: there must be room for it, and answers go first. */
export function mayStart(task: Task, active: readonly Task[], kvTokens: number): boolean {
  if (active.length === 0) return true;
  const room = task.isPreempted ? kvTokens * roomyShare : kvTokens;
  if (heldTokens(active) + task.target.length >= room) return false;
  return task.priority === 'answer' || performance.now() - task.queuedAt > sidePatienceMs;
}

function heldTokens(active: readonly Task[]): number {
  const lengthOf = (task: Task): number => Math.max(task.target.length, task.sequence?.tokens.length ?? 0);
  return active.reduce((sum, task) => sum + lengthOf(task), 0);
}
