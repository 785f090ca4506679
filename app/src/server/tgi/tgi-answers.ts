import type { EndReason, TokenLogprob } from '../../contracts/run-parts.ts';
import type { CollectedCompletion, Outcome } from '../completions.ts';

export function tgiFinish(reason: EndReason): 'length' | 'eos_token' | 'stop_sequence' {
  if (reason === 'length') return 'length';
  return reason === 'stop-string' || reason === 'stop-token' ? 'stop_sequence' : 'eos_token';
}

export function tgiToken({ id, text, logprob }: Pick<TokenLogprob, 'id' | 'text' | 'logprob'>): object {
  return { id, text, logprob, special: false };
}

/**
 * Tells the tokens of one answer in their order. A character made of several comes whole with the last of them and the
 * others have no text, as TGI has it; of one that was cut short none has any, and nothing of it is in the answer.
 */
export function tokenTeller(): (token: TokenLogprob) => object {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return (token) => {
    // A service that tells no tokens tells no bytes either.
    if (token.bytes.length === 0) return tgiToken(token);
    const text = decoder.decode(Uint8Array.from(token.bytes), { stream: true });
    return tgiToken({ ...token, text });
  };
}

export interface PrefillToken {
  id: number;
  text: string;
  logprob: number | null;
}

export interface DetailsRequest {
  prefill: PrefillToken[];
  withTopTokens: boolean;
}

/** Without `details`, only the text. */
export function tgiDetails(done: CollectedCompletion, { prefill, withTopTokens }: DetailsRequest): object {
  const { outcome, tokens, sampling } = done;
  const told = tokenTeller();
  return {
    finish_reason: tgiFinish(outcome.reason),
    generated_tokens: outcome.usage?.completionTokens ?? tokens.length,
    seed: sampling.seed ?? null,
    prefill,
    tokens: tokens.map(told),
    ...(withTopTokens ? { top_tokens: tokens.map(({ top }) => top.map(tgiToken)) } : {}),
  };
}

export function streamDetails(outcome: Outcome, promptTokens: number, seed: number | undefined): object {
  return {
    finish_reason: tgiFinish(outcome.reason),
    generated_tokens: outcome.usage?.completionTokens ?? 0,
    seed: seed ?? null,
    input_length: promptTokens,
  };
}
