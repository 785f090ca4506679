import type { ErrorCode } from '../../contracts/error-codes.ts';
import type { GenerateRequest } from '../engine.ts';

/** How an answer goes wrong, after so many tokens of it. */
export type Mishap =
  | { kind: 'fail'; afterTokens: number; code: ErrorCode; message: string }
  /** Says nothing more until it is cancelled. */
  | { kind: 'hang'; afterTokens: number }
  /** The whole engine goes away, as a child that was killed. */
  | { kind: 'crash'; afterTokens: number };

export interface Script {
  /** Absent: as fast as it can. */
  tokensPerSecond?: number;
  promptTokensPerSecond?: number;
  loadMs?: number;
  contextTokens?: number;
  slots?: number;
  /** What whoever waits in the queue is told; absent: that nobody knows. */
  etaMs?: number;
  /** Absent: 0, as a service that does not say. */
  parameters?: number;
  /** Of prompts that name none; absent: `chatml`. */
  format?: string;
  /** Absent: `scripted`. */
  engineRelease?: string;
  /** Absent: a sentence that quotes the last message, then words drawn from the seed. */
  answer?: (question: string, request: GenerateRequest) => string;
  /** Asked once for each request; absent: what the message itself commands (see `mishapInMessage`). */
  mishap?: (request: GenerateRequest, question: string) => Mishap | null;
  /** Thrown instead of loading. */
  loadError?: () => Error | null;
}

const pattern = /\/(fail|hang|crash)(?: (\d+))?(?: ([a-z-]+))?/u;

/** A message may command `/crash 5`, `/hang 5` or `/fail 5 engine-hung`: so many tokens, then that. */
export function mishapInMessage(question: string): Mishap | null {
  const match = pattern.exec(question);
  if (!match) return null;
  const afterTokens = Number(match[2] ?? 0);
  if (match[1] === 'crash') return { kind: 'crash', afterTokens };
  if (match[1] === 'hang') return { kind: 'hang', afterTokens };
  const code = (match[3] ?? 'engine-crashed') as ErrorCode;
  return { kind: 'fail', afterTokens, code, message: 'The script says that this answer fails.' };
}

const words = (
  'the herd moved slowly over the dry hill while two riders kept to the shade and spoke of rain ' +
  'that had not come since spring and of the gate that nobody had mended'
).split(' ');

/** The whole answer to a question: `/say TEXT` is answered with it, `/long N` with N words more. */
export function scriptedAnswer(question: string, seed: number): string {
  const said = /\/say ([\s\S]+)/u.exec(question);
  if (said?.[1] !== undefined) return said[1];
  const wanted = Number(/\/long (\d+)/u.exec(question)?.[1] ?? 12);
  const quoted = question.replace(/\s+/gu, ' ').trim().slice(0, 80);
  const drawn = Array.from({ length: wanted }, (_, position) => wordAt(seed, position));
  return `You said "${quoted}": ${drawn.join(' ')}.`;
}

/** Drawn from seed and position alone, so that a resumed answer goes on as it would have. */
export function wordAt(seed: number, position: number): string {
  return words[mix(seed, position) % words.length] ?? '';
}

function mix(seed: number, position: number): number {
  let value = (seed ^ Math.imul(position + 1, 0x9e37_79b1)) >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b) >>> 0;
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35) >>> 0;
  return (value ^ (value >>> 16)) >>> 0;
}
