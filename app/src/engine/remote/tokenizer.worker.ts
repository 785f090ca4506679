import { parentPort } from 'node:worker_threads';
import { countSegments, createVocabulary, type HubVocabulary } from './hub-vocabulary.ts';
import type { TokenizerAnswer, TokenizerTask } from './tokenizer-messages.ts';

/** The thread that tokenises for models elsewhere: a large vocabulary takes half a second to read. */
const vocabularies = new Map<string, HubVocabulary>();

parentPort?.on('message', (task: TokenizerTask) => {
  parentPort?.postMessage(answer(task));
});

function answer(task: TokenizerTask): TokenizerAnswer {
  const { id } = task;
  try {
    if (task.type === 'drop') {
      vocabularies.delete(task.model);
      return { id, controlTexts: [] };
    }
    if (task.type === 'load') {
      const vocabulary = createVocabulary(task.tokenizer, task.config);
      vocabularies.set(task.model, vocabulary);
      return { id, controlTexts: vocabulary.specialTokens.map(({ text }) => text) };
    }
    const vocabulary = vocabularies.get(task.model);
    if (!vocabulary) return { id, failure: 'the tokenizer was dropped' };
    return { id, counts: countSegments(vocabulary, task) };
  } catch (error) {
    return { id, failure: String(error) };
  }
}
