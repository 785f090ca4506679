import type { KeyboardEvent } from 'react';
import { isComposing } from './browser.ts';

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
    if (isComposing(event.nativeEvent)) return;
    if (event.key === 'Enter') onEnter?.(event.currentTarget.value.trim(), event);
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    onEscape();
  };
}
