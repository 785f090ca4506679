import type { TokenLogprob } from '../../contracts/run-parts.ts';
import type { ServiceEvent } from './service-events.ts';
import { isCount, isRecord } from './service-values.ts';

/** One frame of `/generate_stream`; the last one carries the whole text and the details. */
export function eventOfFrame(frame: Record<string, unknown>, withTokens: boolean): ServiceEvent {
  const event: ServiceEvent = {};
  const { token, details } = frame;
  if (isRecord(token) && token['special'] !== true) {
    const said = tokenOf(token);
    if (said.text !== '') event.text = said.text;
    const top = Array.isArray(frame['top_tokens']) ? frame['top_tokens'].filter(isRecord).map(tokenOf) : [];
    if (withTokens && said.text !== '') event.tokens = [{ ...said, top }];
  }
  if (typeof frame['generated_text'] === 'string') readEnd(isRecord(details) ? details : {}, event);
  return event;
}

function readEnd(details: Record<string, unknown>, event: ServiceEvent): void {
  event.finish = finishOf(details['finish_reason']);
  const { generated_tokens: completionTokens, input_length: promptTokens } = details;
  // Older releases do not tell how long the prompt was.
  if (isCount(completionTokens) && isCount(promptTokens))
    event.usage = { promptTokens, completionTokens, cachedTokens: 0 };
}

function finishOf(reason: unknown): NonNullable<ServiceEvent['finish']> {
  if (reason === 'length') return { reason: 'length' };
  return { reason: reason === 'stop_sequence' ? 'stop-string' : 'stop' };
}

function tokenOf(token: Record<string, unknown>): Omit<TokenLogprob, 'top'> {
  const { id, text, logprob } = token;
  const said = typeof text === 'string' ? text : '';
  return {
    id: isCount(id) ? id : -1,
    text: said,
    bytes: [...Buffer.from(said)],
    logprob: typeof logprob === 'number' ? Math.min(0, logprob) : 0,
  };
}
