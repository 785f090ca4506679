import { performance } from 'node:perf_hooks';
import type { Task } from './task.ts';

/** Side work that waited this long starts beside answers, if there is a free slot. */
const sidePatienceMs = 30_000;
/** An answer that waited this long, or as long as requests take lately so many times, is not passed by any more. */
const answerPatienceMs = 10_000;
const answerPatienceTimes = 2;
/** Who had to step back comes again only when there is some room to spare, else it would at once step back again. */
const roomyShare = 0.8;

/** Whether a task may start beside those that are active: there must be room for it, and answers go first. */
export function mayStart(task: Task, active: readonly Task[], kvTokens: number): boolean {
  if (active.length === 0) return true;
  const room = task.isPreempted ? kvTokens * roomyShare : kvTokens;
  if (heldTokens(active) + task.target.length >= room) return false;
  return task.priority === 'answer' || performance.now() - task.queuedAt > sidePatienceMs;
}

/**
 * Whether another may start before a task that may not start yet. Small ones that come one after the other leave a large
 * one no room, however long it waits; and who had to step back stands half written before somebody's eyes.
 */
export function mayBePassed(
  task: Task,
  by: Task,
  place: { active: readonly Task[]; kvTokens: number; usualMs: number },
): boolean {
  if (task.priority === 'side') return true;
  if (task.isPreempted) return leavesRoomFor(task, by, place);
  const patienceMs = Math.max(answerPatienceMs, place.usualMs * answerPatienceTimes);
  return performance.now() - task.queuedAt < patienceMs;
}

/** Who had to step back was the youngest. Once the older ones have ended it can start, whoever passed it until then. */
function leavesRoomFor(
  task: Task,
  by: Task,
  { active, kvTokens }: { active: readonly Task[]; kvTokens: number },
): boolean {
  const passed = active.filter((other) => other.startedAt > task.startedAt);
  return heldTokens([...passed, by]) + task.target.length < kvTokens * roomyShare;
}

function heldTokens(tasks: readonly Task[]): number {
  const lengthOf = (task: Task): number => Math.max(task.target.length, task.sequence?.tokens.length ?? 0);
  return tasks.reduce((sum, task) => sum + lengthOf(task), 0);
}
