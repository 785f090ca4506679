import { useEffect, useLayoutEffect, useRef, useState, type ClipboardEvent, type KeyboardEvent } from 'react';
import { composerFocus } from '../state/actions.ts';
import type { Draft } from '../state/draft.ts';
import type { Store } from '../state/store.ts';
import { strings } from '../strings.ts';
import { editLastQuestion } from '../transcript/last-message.ts';
import { isComposing, isTouchOnly } from '../ui/browser.ts';
import { isPicture, longPasteCharacters } from './attachments.ts';

/** Enter sends by the kind of device, not its size; never while an input method composes a word. */
function isSendKey(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || isComposing(event.nativeEvent)) return false;
  if (event.ctrlKey || event.metaKey) return true;
  return !event.shiftKey && !event.altKey && !isTouchOnly();
}

export interface ComposerFieldProps {
  draft: Store<Draft>;
  isDropping: boolean;
  onSubmit: () => void;
  onFiles: (files: Iterable<File>) => void;
  /** A paste too long for a text field. */
  onLongPaste: (text: string) => void;
}

/** Shows what others than the field itself make of its text; at first the caret stands behind it. */
function showDraft(field: HTMLTextAreaElement, draft: Store<Draft>): () => void {
  const show = (): void => {
    const { text } = draft.get();
    if (field.value !== text) field.value = text;
  };
  show();
  field.setSelectionRange(field.value.length, field.value.length);
  return draft.subscribe(show);
}

function takeFocus(field: HTMLTextAreaElement): () => void {
  const focus = (): void => {
    if (!isTouchOnly()) field.focus();
  };
  focus();
  // Told to whoever measures when the page itself is here.
  performance.mark('corral-drawn');
  return composerFocus.subscribe(focus);
}

/**
 * Where one writes. It grows with its text, and nothing else moves. Its text is its own: React writing it back for each
 * key would cost more than the browser's whole work for that key, which is felt while an answer streams.
 */
export function ComposerField({ draft, isDropping, onSubmit, onFiles, onLongPaste }: ComposerFieldProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [firstText] = useState(() => draft.get().text);
  useLayoutEffect(() => (field.current ? showDraft(field.current, draft) : undefined), [draft]);
  useEffect(() => (field.current ? takeFocus(field.current) : undefined), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isSendKey(event)) {
      event.preventDefault();
      onSubmit();
    } else if (event.key === 'ArrowUp' && draft.get().text === '') {
      event.preventDefault();
      editLastQuestion();
    }
  };
  const onPaste = (event: ClipboardEvent): void => {
    const pasted = event.clipboardData.getData('text/plain');
    const files = [...event.clipboardData.files];
    // Cells of a spreadsheet come as text with a picture of it.
    const isText = pasted !== '' && files.every(isPicture);
    if (files.length > 0 && !isText) {
      event.preventDefault();
      onFiles(files);
    } else if (pasted.length > longPasteCharacters) {
      event.preventDefault();
      onLongPaste(pasted);
    }
  };
  return (
    <textarea
      id="composer"
      ref={field}
      className="composer__field"
      aria-label={strings.composer.label}
      placeholder={isDropping ? strings.composer.dropHere : strings.composer.placeholder}
      rows={1}
      dir="auto"
      enterKeyHint={isTouchOnly() ? 'enter' : 'send'}
      defaultValue={firstText}
      onChange={({ target }) => draft.set((now) => ({ ...now, text: target.value }))}
      onKeyDown={onKeyDown}
      onPaste={onPaste}
    />
  );
}
