import type { Sequence, Sequences } from './sequences.ts';
import type { Task } from './task.ts';

/** Ends a task's hold on the cache: the state stays for the chat's next message, a request of no chat leaves nothing. */
export function releaseSequence(task: Task, sequences: Sequences, keep: boolean): void {
  const { sequence } = task;
  task.sequence = null;
  if (sequence === null) return;
  sequence.isInUse = false;
  sequences.touch(sequence);
  // `stateKey` of the sequence, because the chat may have been forgotten meanwhile.
  const { stateKey } = sequence;
  if (!keep || stateKey === null) {
    sequences.drop(sequence);
    return;
  }
  const isOlder = (other: Sequence): boolean =>
    other !== sequence && !other.isInUse && other.adapterKey === sequence.adapterKey;
  for (const older of sequences.ofChat(stateKey).filter(isOlder)) sequences.drop(older);
  sequence.transcript = transcriptOf(task) ?? sequence.transcript;
}

function transcriptOf(task: Task): Sequence['transcript'] {
  const { work, promptText } = task;
  if (promptText === null || work.kind !== 'answer' || work.text.stopString !== null) return null;
  const prompt = task.target.view().subarray(0, task.promptTokens);
  const ids = Int32Array.from([...prompt, ...task.generated.view()]);
  return { prompt: promptText, answer: work.text.shown, ids };
}
