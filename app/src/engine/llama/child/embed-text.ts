import type { Embedding } from '../../engine.ts';
import type { WireAsked } from '../protocol.ts';
import { checkReadLength } from './admission.ts';
import type { LoadedModel } from './loaded-model.ts';
import { brokenLogits } from './logprobs.ts';
import { readTask, type PreparedReading } from './read-text.ts';
import { TokenList } from './token-list.ts';

/** A text as a direction: the middle of what the last layer says at each of its tokens, or what it says at the last. */
export async function prepareEmbedding(
  ticket: number,
  request: WireAsked,
  loaded: LoadedModel,
): Promise<PreparedReading<Embedding>> {
  const { contextTokens, prompting, model } = loaded;
  const { ids } = await prompting.resolve(request.prompt);
  checkReadLength(ids.length, contextTokens);
  const sum = new Float64Array(model.embeddingLength);
  return readTask(
    { ticket, request, loaded },
    {
      target: new TokenList(ids),
      from: model.poolsLast ? ids.length - 1 : 0,
      row: 'embedding',
      includesLast: true,
      take: (row) => {
        for (let index = 0; index < sum.length; index++) sum[index] = sum[index]! + row[index]!;
      },
      restart: () => {
        sum.fill(0);
      },
      result: () => ({ vector: unit(sum), tokens: ids.length }),
    },
  );
}

/** Of length 1, as clients expect; a sum of zeros stays what it is. Throws where damaged weights made no numbers. */
function unit(sum: Float64Array): number[] {
  let squares = 0;
  for (const value of sum) squares += value * value;
  if (!Number.isFinite(squares)) throw brokenLogits();
  const length = Math.sqrt(squares) || 1;
  return Array.from(sum, (value) => Math.fround(value / length));
}
