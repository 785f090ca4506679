import type { Sequence, Sequences } from './sequences.ts';
import type { Task } from './task.ts';

/** So many states of requests that belong to no chat are kept; the next question of a program goes on from one. */
const mostNameless = 32;

/** Ends a task's hold on the cache: the state stays for what may go on from it; side work leaves nothing. */
export function releaseSequence(task: Task, sequences: Sequences, keep: boolean): void {
  const { sequence } = task;
  task.sequence = null;
  if (sequence === null) return;
  sequence.isInUse = false;
  sequences.touch(sequence);
  // `stateKey` of the sequence, because the chat may have been forgotten meanwhile.
  const { stateKey } = sequence;
  const isForgotten = stateKey !== task.stateKey;
  if (!keep || isForgotten || (stateKey === null && task.ephemeral)) {
    sequences.drop(sequence);
    return;
  }
  sequence.transcript = transcriptOf(task) ?? sequence.transcript;
  const idle = sequences
    .all()
    .filter(
      (other) => other !== sequence && !other.isInUse && !other.isParked && other.stateKey === stateKey,
    );
  if (stateKey === null) {
    if (idle.length >= mostNameless) sequences.evictOne((other) => idle.includes(other));
    return;
  }
  for (const older of idle) if (older.adapterKey === sequence.adapterKey) sequences.drop(older);
}

function transcriptOf(task: Task): Sequence['transcript'] {
  const { work, promptText } = task;
  if (promptText === null || work.kind !== 'answer' || work.text.stopString !== null) return null;
  const prompt = task.target.view().subarray(0, task.promptTokens);
  const ids = Int32Array.from([...prompt, ...task.generated.view()]);
  return { prompt: promptText, answer: work.text.shown, ids };
}
