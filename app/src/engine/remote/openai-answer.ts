import type { TokenLogprob } from '../../contracts/run-parts.ts';
import type { ServiceEvent } from './service-events.ts';
import { isCount, isRecord } from './service-values.ts';

/** An id where the service tells none. */
export const unknownTokenId = -1;

/** One chunk of `/chat/completions` or `/completions`. Fields that are not what they should be are as good as absent. */
export function eventOfChunk(chunk: Record<string, unknown>): ServiceEvent {
  const event: ServiceEvent = {};
  const choice: unknown = Array.isArray(chunk['choices']) ? chunk['choices'][0] : undefined;
  if (isRecord(choice)) readChoice(choice, event);
  const usage = usageOf(chunk['usage']);
  if (usage) event.usage = usage;
  return event;
}

function readChoice(choice: Record<string, unknown>, event: ServiceEvent): void {
  const delta = isRecord(choice['delta']) ? choice['delta'] : {};
  // OpenAI writes what it says instead of an answer in the form that was asked for into a field of its own.
  const text = [delta['content'], delta['refusal'], choice['text']].map(textIn).find(Boolean);
  if (text !== undefined) event.text = text;
  // vLLM, SGLang and llama-server say `reasoning_content`, OpenRouter and newer vLLM `reasoning`.
  const reasoning = delta['reasoning_content'] ?? delta['reasoning'] ?? thinkingIn(delta['content']);
  const thought = textIn(reasoning);
  if (thought !== '') event.thought = thought;
  const tokens = tokensOf(choice['logprobs']);
  if (tokens.length > 0) event.tokens = tokens;
  readEnd(choice, event);
}

/** A string, or a list of parts, as Mistral's models that think send it. */
function textIn(content: unknown): string {
  if (typeof content === 'string') return content;
  const texts = partsIn(content).map(({ type, text }) => (type === 'text' ? text : ''));
  return texts.filter((text) => typeof text === 'string').join('');
}

function thinkingIn(content: unknown): unknown {
  return partsIn(content).flatMap(({ type, thinking }) =>
    type === 'thinking' && Array.isArray(thinking) ? (thinking as unknown[]) : [],
  );
}

function partsIn(content: unknown): Record<string, unknown>[] {
  return Array.isArray(content) ? content.filter(isRecord) : [];
}

/** `finish_reason` of an answer that is not complete, though the status was 200. */
const brokenOff: Readonly<Record<string, ServiceEvent['brokenOff']>> = {
  // vLLM and SGLang that are shut down or pause, Mistral and OpenRouter, DeepSeek.
  abort: 'trouble',
  error: 'trouble',
  insufficient_system_resource: 'trouble',
  content_filter: 'filter',
};
/** Mistral tells the model's own limit from the one that was asked for. */
const lengths: readonly unknown[] = ['length', 'model_length'];

function readEnd(choice: Record<string, unknown>, event: ServiceEvent): void {
  const { finish_reason: reason, stop_reason: stopString } = choice;
  if (typeof reason !== 'string' || reason === '') return;
  const broken = Object.hasOwn(brokenOff, reason) ? brokenOff[reason] : undefined;
  if (broken) event.brokenOff = broken;
  else if (lengths.includes(reason)) event.finish = { reason: 'length' };
  // vLLM (and Corral) name the string; a number there is a stop token.
  else if (typeof stopString === 'string') event.finish = { reason: 'stop-string', stopString };
  else event.finish = { reason: 'stop' };
}

function usageOf(value: unknown): ServiceEvent['usage'] {
  if (!isRecord(value)) return undefined;
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = value;
  if (!isCount(promptTokens) || !isCount(completionTokens)) return undefined;
  const details = value['prompt_tokens_details'];
  const cached = isRecord(details) ? details['cached_tokens'] : undefined;
  return {
    promptTokens,
    completionTokens,
    cachedTokens: isCount(cached) ? Math.min(cached, promptTokens) : 0,
  };
}

function tokensOf(logprobs: unknown): TokenLogprob[] {
  if (!isRecord(logprobs)) return [];
  if (Array.isArray(logprobs['content'])) return logprobs['content'].filter(isRecord).map(chatToken);
  return Array.isArray(logprobs['tokens']) ? olderTokens(logprobs, logprobs['tokens']) : [];
}

function chatToken(entry: Record<string, unknown>): TokenLogprob {
  const top = Array.isArray(entry['top_logprobs']) ? entry['top_logprobs'].filter(isRecord) : [];
  return { ...alternative(entry), top: top.map(alternative) };
}

function alternative(entry: Record<string, unknown>): Omit<TokenLogprob, 'top'> {
  const text = typeof entry['token'] === 'string' ? entry['token'] : '';
  const { bytes, id, logprob } = entry;
  return {
    id: isCount(id) ? id : unknownTokenId,
    text,
    bytes: Array.isArray(bytes) && bytes.every(isCount) ? bytes : [...Buffer.from(text)],
    logprob: typeof logprob === 'number' ? Math.min(0, logprob) : 0,
  };
}

/** The form of `/completions`: one list a field. */
function olderTokens(logprobs: Record<string, unknown>, texts: unknown[]): TokenLogprob[] {
  const list = (name: string): unknown[] => (Array.isArray(logprobs[name]) ? logprobs[name] : []);
  const [values, tops] = [list('token_logprobs'), list('top_logprobs')];
  return texts.map((token, index) => {
    const top = isRecord(tops[index]) ? Object.entries(tops[index]) : [];
    return {
      ...alternative({ token, logprob: values[index] }),
      top: top.map(([text, logprob]) => alternative({ token: text, logprob })),
    };
  });
}
