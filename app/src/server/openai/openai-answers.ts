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

/** The older form of /v1/completions; offsets count from `offset`. */
export function textLogprobs(tokens: readonly TokenLogprob[], offset: number): object {
  let at = offset;
  const offsets = tokens.map(({ text }) => {
    const here = at;
    at += text.length;
    return here;
  });
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) =>
      Object.fromEntries(top.map(({ text, logprob }) => [text, logprob])),
    ),
    text_offset: offsets,
  };
}
