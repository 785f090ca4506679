import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TokenLogprob } from '../../contracts/run-parts.ts';
import { startedParts, type OpenedCompletion } from '../completions.ts';
import { errorBody } from '../error-answers.ts';
import { ignoredObject } from '../field-names.ts';
import { dataBlock, openSse } from '../sse-writer.ts';
import { streamDetails, tgiToken, tokenTeller } from './tgi-answers.ts';

export interface TgiStreamOptions {
  /** In front of `generated_text`, for `return_full_text`. */
  prefix: string;
  withTopTokens: boolean;
  headers: Record<string, string>;
  /** The parameters as they came. */
  sent: object;
}

/** A frame for each token; the last one carries the whole text and the details, and there is no `[DONE]`. */
export async function streamTgi(
  request: FastifyRequest,
  reply: FastifyReply,
  { opened, options }: { opened: OpenedCompletion; options: TgiStreamOptions },
): Promise<void> {
  const parts = await startedParts(opened);
  reply.hijack();
  const writer = openSse(reply.raw, { headers: { 'x-request-id': request.id, ...options.headers } });
  let index = 0;
  let text = '';
  let held: TokenLogprob | null = null;
  const told = tokenTeller();
  const frame = (token: TokenLogprob, last: object | null): Promise<boolean> =>
    writer.write(
      `data:${JSON.stringify({
        index: ++index,
        token: told(token),
        ...(options.withTopTokens ? { top_tokens: token.top.map(tgiToken) } : {}),
        generated_text: last === null ? null : options.prefix + text,
        details: last,
        ...(last === null ? {} : ignoredObject(opened.ignoredSampling, options.sent)),
      })}\n\n`,
    );
  // Tokens come before their text; text that no token accounts for is of a service that tells none.
  let accounted = 0;
  for await (const part of parts) {
    let token: TokenLogprob | null = null;
    if (part.type === 'token') token = part.token;
    else if (part.type === 'text-delta') {
      text += part.text;
      if (text.length > accounted) token = unnamed(text.slice(accounted));
    }
    if (token === null) continue;
    accounted += token.text.length;
    if (held !== null && !(await frame(held, null))) return;
    held = token;
  }
  const { outcome, promptTokens, sampling } = opened;
  if (outcome.error) await writer.write(dataBlock(errorBody('tgi', outcome.error, request.id)));
  else {
    await frame(held ?? unnamed(''), streamDetails(outcome, promptTokens, sampling.seed));
  }
  writer.end();
}

function unnamed(text: string): TokenLogprob {
  return { id: 0, text, bytes: [], logprob: 0, top: [] };
}
