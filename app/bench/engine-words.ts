import { chatRequest } from '../src/engine/contract/answers.ts';
import type { GenerateRequest } from '../src/engine/engine.ts';
import { tinyVocabulary } from '../test/fixtures/tiny-vocabulary.ts';
import type { LlamaEngine } from '../src/engine/llama/llama-engine.ts';
import type { RunPart, Timings, Usage } from '../src/contracts/run-parts.ts';

export interface Measured {
  timings: Timings;
  usage: Usage;
}

/** Words that the bench models' vocabulary has one token for each. */
const words = tinyVocabulary(600)
  .filter(({ piece, type }) => type === 1 && /^\u2581[a-z]{2,}$/u.test(piece))
  .map(({ piece }) => piece.slice(1));

/** A text of so many tokens, different for each seed from its first words on. */
export function wordsOf(tokens: number, seed: number): string {
  let state = (seed * 2_654_435_761) >>> 0;
  const next = (): string => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9) >>> 0;
    return words[(state >>> 8) % words.length] ?? '';
  };
  return Array.from({ length: tokens }, next).join(' ');
}

export function steadyRequest(
  content: string,
  tokens: number,
  more: Partial<GenerateRequest> = {},
): GenerateRequest {
  return chatRequest(content, { maxNewTokens: tokens, ignoreEos: true, temperature: 0.8, seed: 7 }, more);
}

export async function measured(engine: LlamaEngine, request: GenerateRequest): Promise<Measured> {
  let timings: Timings | undefined;
  let usage: Usage | undefined;
  let end: RunPart | undefined;
  for await (const part of engine.generate(request)) {
    if (part.type === 'timings') timings = part.timings;
    if (part.type === 'usage') usage = part.usage;
    end = part;
  }
  if (!timings || !usage) throw new Error(`an answer without figures: ${JSON.stringify(end)}`);
  return { timings, usage };
}
