import type { PromptMessage } from '../../contracts/messages.ts';

/** Oldest exchanges are forgotten beyond it; a session is not an archive. */
const maxHistoryCharacters = 1_000_000;

/** What the two said to each other. What the system says stays while these go. */
export function turnsOf(history: readonly PromptMessage[]): PromptMessage[] {
  return history.filter(({ role }) => role !== 'system');
}

/** Where the next exchange begins: many templates take no conversation that begins with an answer. */
export function questionFrom(turns: readonly PromptMessage[], start: number): number {
  let index = start;
  while (index < turns.length && turns[index]?.role !== 'user') index++;
  return Math.min(index, turns.length);
}

/** All but so many turns from the beginning, in the order that they had. */
export function withoutTurns(history: readonly PromptMessage[], count: number): PromptMessage[] {
  let turns = 0;
  return history.filter(({ role }) => role === 'system' || ++turns > count);
}

function charactersIn(messages: readonly PromptMessage[]): number {
  return messages.reduce((sum, { content }) => sum + content.length, 0);
}

/** Keeps what still fits: what the system says, and of the exchanges whole ones only, newest first. */
export function boundedHistory(history: readonly PromptMessage[]): PromptMessage[] {
  const turns = turnsOf(history);
  let characters = charactersIn(history);
  let leftOut = 0;
  while (characters > maxHistoryCharacters && leftOut < turns.length) {
    const next = questionFrom(turns, leftOut + 1);
    characters -= charactersIn(turns.slice(leftOut, next));
    leftOut = next;
  }
  // Without an exchange what the system says is too long alone.
  return characters > maxHistoryCharacters ? [] : withoutTurns(history, leftOut);
}
