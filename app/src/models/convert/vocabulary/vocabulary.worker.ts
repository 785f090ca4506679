import { parentPort } from 'node:worker_threads';
import { toAppError } from '../../../contracts/app-error.ts';
import { encodeEntries } from '../../../formats/gguf/gguf-writer.ts';
import { readVocabulary } from './vocabulary.ts';
import type { VocabularyAnswer, VocabularyTask } from './vocabulary-thread.ts';

/** The thread that reads vocabularies, one after the other. */
parentPort?.on('message', (task: VocabularyTask) => {
  const said = answer(task);
  parentPort?.postMessage(said, 'error' in said ? [] : [said.entries.bytes.buffer as ArrayBuffer]);
});

function answer({ files, size, config }: VocabularyTask): VocabularyAnswer {
  try {
    const { entries, notes } = readVocabulary(files, size, config);
    return { entries: encodeEntries(entries), notes };
  } catch (error) {
    return { error: toAppError(error).toJSON() };
  }
}
