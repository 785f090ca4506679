import type { KeyboardEvent } from 'react';
import { isComposing } from './browser.ts';

type FieldEvent = KeyboardEvent<HTMLInputElement>;

export interface FieldKeys {
  onEnter?: (text: string, event: FieldEvent) => void;
  onEscape: () => void;
}

const mark = 'data-takes-escape';

/**
 * Props for a field of one line with its own Enter and Escape. While an input method composes a word both are its own;
 * otherwise Escape ends what the field is for and nothing else, such as the running answer or the dialog around it.
 */
export function fieldKeys({ onEnter, onEscape }: FieldKeys) {
  return {
    [mark]: '',
    onKeyDown: (event: FieldEvent) => {
      if (isComposing(event.nativeEvent)) return;
      if (event.key === 'Enter') onEnter?.(event.currentTarget.value.trim(), event);
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      onEscape();
    },
  };
}

/** A dialog hears keys before the field does, and leaves to it this one, and any that an input method takes there. */
export function leaveEscapeToField(event: globalThis.KeyboardEvent): void {
  const isForField = event.target instanceof Element && event.target.hasAttribute(mark);
  if (isForField || isComposing(event)) event.preventDefault();
}
