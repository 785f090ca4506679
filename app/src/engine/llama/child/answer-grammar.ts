import { openAnswer } from '../../open-answer.ts';
import type { WireGenerateRequest } from '../protocol.ts';
import type { AdmissionPlace } from './admission.ts';
import { compileGrammar, type Grammar } from './grammar.ts';

/** The grammar of an answer, where it has one. An answer that is gone on with stands in the middle of it. */
export async function answerGrammar(
  { prompt, sampling: { grammar: text } }: WireGenerateRequest,
  { loaded, library }: AdmissionPlace,
): Promise<Grammar | null> {
  if (text === undefined) return null;
  const { vocabulary } = loaded.model;
  const place = { library, vocabulary: vocabulary.pointer, vocabularySize: vocabulary.size };
  const grammar = await compileGrammar(text, place);
  const written = openAnswer(prompt);
  if (written === '' || hasTaken(grammar, vocabulary.tokenizeContinuation(written))) return grammar;
  // It was written before there was this grammar, which then holds for what comes.
  grammar.free();
  return compileGrammar(text, place);
}

function hasTaken(grammar: Grammar, ids: readonly number[]): boolean {
  for (const id of ids) {
    if (!grammar.allows(id)) return false;
    grammar.accept(id);
  }
  return true;
}
