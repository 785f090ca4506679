import type { KeyboardEvent } from 'react';

type FieldEvent = KeyboardEvent<HTMLInputElement>;

export interface FieldKeys {
  onEnter?: (text: string, event: FieldEvent) => void;
  onEscape: () => void;
}

/**
 * Enter and Escape in a field of one line. While an input method composes a word both are its own; otherwise Escape
 * ends what the field is for and nothing else, such as the running answer.
 */
export function fieldKeys({ onEnter, onEscape }: FieldKeys): (event: FieldEvent) => void {
  return (event) => {
    // Safari ends the composition before the Enter that did it; the number gives that one away.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter') onEnter?.(event.currentTarget.value.trim(), event);
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    onEscape();
  };
}
