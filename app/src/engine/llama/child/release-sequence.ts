import type { Sequence, Sequences } from './sequences.ts';
import type { Task } from './task.ts';
import type { Vocabulary } from './vocabulary.ts';

/** So many states of requests that belong to no chat are kept; the next question of a program goes on from one. */
const mostNameless = 32;
/** A character of several bytes begins with one from here on. */
const leadByte = 0xc0;

/** Ends a task's hold on the cache: the state stays for what may go on from it; side work leaves nothing. */
export function releaseSequence(
  task: Task,
  { sequences, vocabulary }: { sequences: Sequences; vocabulary: Vocabulary },
  keep: boolean,
): void {
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
  sequence.transcript = transcriptOf(task, vocabulary) ?? sequence.transcript;
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

function transcriptOf(task: Task, vocabulary: Vocabulary): Sequence['transcript'] {
  const { work, promptText } = task;
  if (promptText === null || work.kind !== 'answer' || work.text.stopString !== null) return null;
  const prompt = task.target.view().subarray(0, task.promptTokens);
  const generated = work.text.isCut ? beforeCut(task.generated.view(), vocabulary) : task.generated.view();
  if (generated === null) return null;
  const ids = Int32Array.from([...prompt, ...generated]);
  return { prompt: promptText, answer: work.text.shown, ids };
}

/** The ids without those of the character that was cut short; null where one of them holds other text as well. */
function beforeCut(ids: Int32Array, vocabulary: Vocabulary): Int32Array | null {
  for (let count = ids.length - 1; count >= 0; count--) {
    const lead = vocabulary.piece(ids[count]!).findLastIndex((byte) => byte >= leadByte);
    if (lead >= 0) return lead === 0 ? ids.subarray(0, count) : null;
  }
  return null;
}
