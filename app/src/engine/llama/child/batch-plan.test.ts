import { describe, expect, it } from 'vitest';
import { planBatch, type Part } from './batch-plan.ts';
import type { Task } from './task.ts';
import { TokenList } from './token-list.ts';

/** What the plan looks at of a request. */
function task(phase: 'reading' | 'generating', prompt: number, startedAt = 0): Task {
  const listOf = (length: number): TokenList => {
    const list = new TokenList();
    list.append(new Int32Array(length));
    return list;
  };
  const held = listOf(phase === 'reading' ? 0 : prompt);
  return {
    phase,
    startedAt,
    target: listOf(prompt),
    sequence: { tokens: held },
    work: { kind: 'answer' },
  } as Task;
}

function plan(tasks: readonly Task[], msPerPromptToken = 1): Part[] {
  return planBatch({ tasks, capacity: 2048, outputCapacity: 64, msPerPromptToken, now: 0 });
}

const many = (count: number, make: () => Task): Task[] => Array.from({ length: count }, make);
const promptTokens = (parts: readonly Part[]): number =>
  parts.filter(({ kind }) => kind === 'prompt').reduce((sum, { count }) => sum + count, 0);

describe('the plan of a step', () => {
  it('is a token for each answer, and whole rows of at most a tenth of a second of prompt beside them', () => {
    const parts = plan([...many(12, () => task('generating', 50)), task('reading', 1000)]);
    expect(parts.filter(({ kind }) => kind === 'token')).toHaveLength(12);
    expect((promptTokens(parts) + 12) % 16).toBe(0);
    expect(promptTokens(parts)).toBe(100);
  });

  it('reads half a second where nobody is being answered', () => {
    expect(promptTokens(plan([task('reading', 1000)]))).toBe(496);
    expect(promptTokens(plan([task('reading', 1000)], 5))).toBe(96);
  });

  it('reads longer pieces the more wait beside few that write, never above half a second', () => {
    const beside = (waiting: number, writing: number): number =>
      promptTokens(
        plan([...many(writing, () => task('generating', 50)), ...many(waiting, () => task('reading', 400))]),
      );
    expect(beside(1, 4)).toBe(beside(4, 4));
    expect(beside(12, 4)).toBeGreaterThan(2.5 * beside(4, 4));
    expect(beside(15, 1)).toBeLessThanOrEqual(512);
  });

  it('reads the shortest first, and takes a small rest along', () => {
    const long = task('reading', 900);
    const short = task('reading', 40);
    expect(plan([long, short])[0]!.task).toBe(short);
    const rest = task('reading', 505);
    expect(promptTokens(plan([rest]))).toBe(505);
  });

  it('lets who has waited long go first', () => {
    const long = task('reading', 900, -5000);
    const short = task('reading', 40);
    expect(plan([long, short])[0]!.task).toBe(long);
  });
});
