import type { PromptMessage } from '../contracts/messages.ts';

/**
 * A prompt between rendering and tokenising. Control tokens are looked for in the template's own text only,
 * so that what people type never becomes one.
 */
export interface PromptSegment {
  text: string;
  /** Text of the template: control tokens in it count. False: somebody typed it (or a model said it). */
  special: boolean;
  /** Index of the message that this text belongs to; null: the format's own (start and generation prompt). */
  message: number | null;
}

export interface ChatToRender {
  messages: readonly PromptMessage[];
  /** The last message is an answer to be gone on with: it is left open. */
  continueAnswer: boolean;
}

export interface SpecialTexts {
  /** Text of the tokenizer's beginning-of-sequence token; empty where it has none. */
  bos: string;
  eos: string;
}

/**
 * Drops empty segments and joins what one person said. The template's pieces stay apart: where a control token was
 * broken, the cut is all that keeps it from being one.
 */
export function joinSegments(segments: readonly PromptSegment[]): PromptSegment[] {
  const joined: PromptSegment[] = [];
  for (const segment of segments) {
    if (segment.text === '') continue;
    const last = joined.at(-1);
    if (last && !last.special && !segment.special && last.message === segment.message) {
      joined[joined.length - 1] = { ...last, text: last.text + segment.text };
    } else {
      joined.push(segment);
    }
  }
  return joined;
}

export function textOf(segments: readonly PromptSegment[]): string {
  return segments.map((segment) => segment.text).join('');
}

/** Messages of the prompt proper, and the open answer that follows the generation prompt. */
export function splitOpenAnswer(chat: ChatToRender): {
  messages: readonly PromptMessage[];
  openAnswer: string | null;
} {
  const last = chat.messages.at(-1);
  if (!chat.continueAnswer || last?.role !== 'assistant') {
    return { messages: chat.messages, openAnswer: null };
  }
  return { messages: chat.messages.slice(0, -1), openAnswer: last.content };
}
