import type { Task } from './task.ts';

export interface Part {
  task: Task;
  kind: 'token' | 'prompt';
  /** First position in the sequence, and how many tokens. */
  from: number;
  count: number;
  /** Index in the batch of its last token. */
  lastIndex: number;
}

export interface PlanOptions {
  /** Of one set of adapters. */
  tasks: readonly Task[];
  capacity: number;
  /** Rows of logits that one batch may ask for. */
  outputCapacity: number;
  msPerPromptToken: number;
  now: number;
}

/** Watchers of running answers feel a piece of somebody's prompt as a pause of about this length. */
const pieceMs = 100;
/** Where nobody is generating only newcomers wait for the piece. */
const longestPieceMs = 500;
/** The library multiplies so many rows at once; rows that are left over cost about as much as a token each. */
const rowsAtOnce = 16;

/** One token for each answer that is being written, and a bounded piece of the prompts that are being read. */
export function planBatch(options: PlanOptions): Part[] {
  const { tasks, capacity, now } = options;
  const parts: Part[] = [];
  for (const task of tasks) {
    if (task.phase !== 'generating' || parts.length >= Math.min(capacity, options.outputCapacity)) continue;
    parts.push({ task, kind: 'token', from: task.sequence!.tokens.length, count: 1, lastIndex: -1 });
  }
  const waiting = tasks.length - parts.length;
  const affordable = pieceMsFor(waiting, parts.length) / options.msPerPromptToken;
  const rows = Math.max(1, Math.round((parts.length + affordable) / rowsAtOnce)) * rowsAtOnce;
  let room = Math.max(1, Math.min(capacity, rows) - parts.length);
  let outputs = options.outputCapacity - parts.length;
  const spare = (): number => capacity - parts.reduce((sum, part) => sum + part.count, 0);
  const left = (task: Task): number => task.target.length - task.sequence!.tokens.length;
  // Shortest first, so that a short question does not wait for a long document; who waits long moves up.
  const rank = (task: Task): number => left(task) * options.msPerPromptToken - (now - task.startedAt);
  const readers = tasks.filter((task) => task.phase === 'reading').sort((a, b) => rank(a) - rank(b));
  for (const task of readers) {
    if (room <= 0 || outputs <= 0) break;
    const isRead = task.work.kind === 'read';
    // A rest that would be a small batch of its own comes along.
    const most = left(task) <= room + rowsAtOnce ? spare() : room;
    const count = Math.min(left(task), most, isRead ? outputs : most);
    parts.push({ task, kind: 'prompt', from: task.sequence!.tokens.length, count, lastIndex: -1 });
    room -= count;
    outputs -= isRead ? count : 1;
  }
  return parts;
}

/**
 * Long pieces are read up to twice as fast as short ones, and who waits for a first word counts as much as who watches
 * words come: where many wait beside few that write, the pause may be longer.
 */
function pieceMsFor(waiting: number, writing: number): number {
  return writing === 0 ? longestPieceMs : Math.min(longestPieceMs, pieceMs * Math.max(1, waiting / writing));
}

/** Whether logits are wanted after the token at this position of a task's sequence. */
export function wantsOutput(part: Part, position: number): boolean {
  const { task } = part;
  if (part.kind === 'token') return true;
  const isLast = position === task.target.length - 1;
  if (task.work.kind === 'answer') return isLast;
  return position >= task.work.from && (!isLast || task.work.includesLast);
}
