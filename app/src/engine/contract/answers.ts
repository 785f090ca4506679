import type { RunPart } from '../../contracts/run-parts.ts';
import type { Sampling } from '../../contracts/sampling.ts';
import type { Engine, GenerateRequest, Prompt } from '../engine.ts';

export interface Answer {
  parts: RunPart[];
  text: string;
  end: Extract<RunPart, { type: 'end' }>;
}

let requests = 0;

export function chatRequest(
  content: string,
  sampling: Sampling = {},
  more: Partial<GenerateRequest> = {},
): GenerateRequest {
  const prompt: Prompt = { kind: 'chat', messages: [{ role: 'user', content }] };
  return {
    id: `request-${++requests}`,
    person: 'somebody',
    prompt,
    sampling: { maxNewTokens: 12, ...sampling },
    ...more,
  };
}

export async function answerOf(parts: AsyncIterable<RunPart>): Promise<Answer> {
  const seen: RunPart[] = [];
  for await (const part of parts) seen.push(part);
  const end = seen.at(-1);
  if (end?.type !== 'end') throw new Error('the answer had no end');
  return { parts: seen, text: textOf(seen), end };
}

export const textOf = (parts: readonly RunPart[]): string =>
  parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('');

/** A setting where the engine knows it, and nothing where it does not. */
export function ifCan<Name extends keyof Sampling>(
  engine: Engine,
  name: Name,
  value: NonNullable<Sampling[Name]>,
): Sampling {
  return engine.capabilities.sampling.includes(name) ? { [name]: value } : {};
}
