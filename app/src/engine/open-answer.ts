import type { Prompt } from './engine.ts';

/** What is there of the answer that a prompt asks to go on with; empty where it asks for a new one. */
export function openAnswer(prompt: Prompt): string {
  if (prompt.kind !== 'chat' || prompt.continueAnswer !== true) return '';
  const last = prompt.messages.at(-1);
  return last?.role === 'assistant' ? last.content : '';
}
