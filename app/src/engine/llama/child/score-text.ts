import type { ScoredToken } from '../../engine.ts';
import type { TokenLogprob } from '../../../contracts/run-parts.ts';
import type { WireScoreRequest } from '../protocol.ts';
import { checkLength, checkReadLength } from './admission.ts';
import type { LoadedModel } from './loaded-model.ts';
import { describeToken } from './logprobs.ts';
import { readTask, type PreparedReading } from './read-text.ts';
import { TokenList } from './token-list.ts';
import type { Vocabulary } from './vocabulary.ts';

/** How likely each token of a text is after a prompt; null: there is nothing to score. */
export async function prepareScore(
  ticket: number,
  request: WireScoreRequest,
  loaded: LoadedModel,
): Promise<PreparedReading<TokenLogprob[]> | null> {
  const { contextTokens, prompting, model } = loaded;
  const { maxTokens, alternatives = 0 } = request;
  const { ids } = await prompting.resolve(request.prompt);
  const text = model.vocabulary.tokenizeContinuation(request.text);
  if (text.length === 0) return null;
  if (maxTokens !== undefined) checkLength(ids.length, contextTokens);
  const target = new TokenList(ids);
  target.append(
    text.slice(0, maxTokens === undefined ? undefined : Math.min(maxTokens, contextTokens - ids.length)),
  );
  checkReadLength(target.length, contextTokens);
  const scores: TokenLogprob[] = [];
  return readTask(
    { ticket, request, loaded },
    {
      target,
      from: ids.length - 1,
      row: 'logits',
      includesLast: false,
      take: (row, position) => {
        scores.push(describeToken(row, target.at(position + 1), alternatives, model.vocabulary));
      },
      restart: () => {
        scores.length = 0;
      },
      result: () => scores,
    },
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
