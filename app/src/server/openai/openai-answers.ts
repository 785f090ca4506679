import type { EndReason, Timings, TokenLogprob, Usage } from '../../contracts/run-parts.ts';

/** Pieces of answers that both endpoints share. */

export function finishReason(reason: EndReason): 'stop' | 'length' {
  return reason === 'length' ? 'length' : 'stop';
}

export function usageObject(usage: Usage | null, promptTokens: number): object {
  const prompt = usage?.promptTokens ?? promptTokens;
  const completion = usage?.completionTokens ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usage?.cachedTokens ?? 0 },
  };
}

const perToken = (ms: number, tokens: number): number => (tokens > 0 ? ms / tokens : 0);

/** As llama.cpp's server names them. */
export function timingsObject(timings: Timings | null, usage: Usage | null): object | undefined {
  if (timings === null) return undefined;
  const { promptTokens = 0, cachedTokens = 0, completionTokens = 0 } = usage ?? {};
  const promptCount = promptTokens - cachedTokens;
  return {
    cache_n: cachedTokens,
    prompt_n: promptCount,
    prompt_ms: timings.promptMs,
    prompt_per_token_ms: perToken(timings.promptMs, promptCount),
    prompt_per_second: timings.promptTokensPerSecond,
    predicted_n: completionTokens,
    predicted_ms: timings.generationMs,
    predicted_per_token_ms: perToken(timings.generationMs, completionTokens),
    predicted_per_second: timings.tokensPerSecond,
  };
}

function chatToken({ text, logprob, bytes }: Pick<TokenLogprob, 'text' | 'logprob' | 'bytes'>): object {
  return { token: text, logprob, bytes };
}

export function chatLogprobs(tokens: readonly TokenLogprob[]): object {
  return {
    content: tokens.map((token) => ({ ...chatToken(token), top_logprobs: token.top.map(chatToken) })),
    refusal: null,
  };
}

/** By their texts; of those that are written alike the likeliest is told, which comes first. */
function alternativesOf({ top }: TokenLogprob): Record<string, number> {
  const told = new Map<string, number>();
  for (const { text, logprob } of top) if (!told.has(text)) told.set(text, logprob);
  return Object.fromEntries(told);
}

/**
 * Tells the tokens of one answer in their order, in the older form of /v1/completions. Offsets count characters, as
 * Python's strings do. One that is made of several tokens counts with the last of them: alone each is written as U+FFFD.
 */
export function textTeller(): (tokens: readonly TokenLogprob[]) => object {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let at = 0;
  const offsetOf = ({ text, bytes }: TokenLogprob): number => {
    const here = at;
    // A service that tells no bytes has whole texts only.
    const added = bytes.length === 0 ? text : decoder.decode(Uint8Array.from(bytes), { stream: true });
    at += Array.from(added).length;
    return here;
  };
  return (tokens) => ({
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(alternativesOf),
    text_offset: tokens.map(offsetOf),
  });
}
