import type { ScoredToken } from '../../engine.ts';
import type { TokenLogprob } from '../../../contracts/run-parts.ts';
import type { WireScoreRequest } from '../protocol.ts';
import { adapterSet, checkLength } from './admission.ts';
import type { LoadedModel } from './loaded-model.ts';
import { createTask, type ScoreWork, type Task } from './task.ts';
import { TokenList } from './token-list.ts';
import type { Vocabulary } from './vocabulary.ts';

/** The task that scores a text, without who waits for it; null: there is nothing to score. */
export async function prepareScore(
  ticket: number,
  request: WireScoreRequest,
  loaded: LoadedModel,
): Promise<((wait: Pick<ScoreWork, 'resolve' | 'reject'>) => Task) | null> {
  const { contextTokens, prompting, model } = loaded;
  const { maxTokens, alternatives = 0, priority = 'answer' } = request;
  const adapters = adapterSet(request.adapters ?? [], loaded);
  const { ids } = await prompting.resolve(request.prompt);
  const text = model.vocabulary.tokenizeContinuation(request.text);
  if (text.length === 0) return null;
  if (maxTokens !== undefined) checkLength(ids.length, contextTokens);
  const target = new TokenList(ids);
  target.append(
    text.slice(0, maxTokens === undefined ? undefined : Math.min(maxTokens, contextTokens - ids.length)),
  );
  checkLength(target.length - 1, contextTokens);
  return (wait) =>
    createTask(
      {
        ticket,
        person: request.person,
        priority,
        stateKey: null,
        ephemeral: true,
        adapters,
        work: { kind: 'score', from: ids.length, alternatives, scores: [], ...wait },
        target,
        promptText: null,
      },
      new TokenList(),
    );
}

/** Offsets in UTF-16 units; a token inside a character has the offset of that character. */
export function withPlaces(scores: readonly TokenLogprob[], vocabulary: Vocabulary): ScoredToken[] {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let offset = 0;
  return scores.map((score) => {
    const here = offset;
    offset += decoder.decode(Uint8Array.from(score.bytes), { stream: true }).length;
    const top = score.top.map((one) => ({ ...one, kind: kindOf(one.id, vocabulary) }));
    return { ...score, top, offset: here };
  });
}

function kindOf(id: number, vocabulary: Vocabulary): ScoredToken['top'][number]['kind'] {
  if (vocabulary.isEnd(id)) return 'end';
  return vocabulary.piece(id).length === 0 ? 'control' : 'text';
}
