import { AppError } from '../../contracts/app-error.ts';
import type { Prompt } from '../../engine/engine.ts';
import { whileOpen } from '../completions.ts';
import { askedModel } from '../model-views.ts';
import type { ServerContext } from '../server-context.ts';
import type { EmbeddingRequest } from './openai-requests.ts';
import { refuseField } from './unsupported-fields.ts';

/** `/v1/embeddings`: every text read once by the model that answers, too. */
export async function embeddings(
  context: ServerContext,
  { owner, body, signal }: { owner: string; body: EmbeddingRequest; signal: AbortSignal },
): Promise<object> {
  if (body.dimensions !== undefined && body.dimensions !== null)
    refuseField('dimensions', 'a model gives as many numbers as it has');
  const model = await askedModel(context, body.model);
  const prompts = promptsOf(body.input);
  const request = { ...(model === undefined ? {} : { model }), prompts };
  const work = (either: AbortSignal) => context.chats.embed(owner, request, either);
  const found = await whileOpen(context, signal, work).catch((error: unknown) => {
    throw inputFault(error);
  });
  const tokens = found.embeddings.reduce((sum, embedding) => sum + embedding.tokens, 0);
  return {
    object: 'list',
    model: found.model.id,
    data: found.embeddings.map(({ vector }, index) => ({
      object: 'embedding',
      index,
      embedding: body.encoding_format === 'base64' ? base64Of(vector) : vector,
    })),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** People's texts: nothing in them is a control token. */
function promptsOf(input: EmbeddingRequest['input']): Prompt[] {
  const one = (text: string | number[]): Prompt => {
    if (text.length === 0)
      throw new AppError('bad-request', '"input" is empty', { details: { field: 'input' } });
    return typeof text === 'string'
      ? { kind: 'raw', text, parseSpecial: false }
      : { kind: 'tokens', ids: text };
  };
  if (typeof input === 'string') return [one(input)];
  if (input.length > 0 && input.every((item) => typeof item === 'number')) return [one(input)];
  if (input.length === 0) one('');
  return input.map((item) => one(typeof item === 'number' ? [item] : item));
}

/** What is a prompt to an engine came as `input`. */
function inputFault(error: unknown): unknown {
  if (!(error instanceof AppError) || error.details?.['field'] !== 'prompt.ids') return error;
  return AppError.fromJSON({ ...error.toJSON(), details: { ...error.details, field: 'input' } });
}

/** Little-endian 32-bit floats. */
function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}
