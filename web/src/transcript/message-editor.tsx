import { useEffect, useRef } from 'react';
import { endRewording, reword, rewordings } from '../state/rewordings.ts';
import { useSelected } from '../state/store.ts';
import { strings } from '../strings.ts';
import { isComposing } from '../ui/browser.ts';
import { Button } from '../ui/button.tsx';
import { wantedEditor } from './open-editor.ts';

export interface MessageEditorProps {
  messageId: string;
  onSend: (text: string) => void;
}

function focusAtEnd(field: HTMLTextAreaElement | null): void {
  field?.focus();
  field?.setSelectionRange(field.value.length, field.value.length);
}

/** A message of the person being reworded, in its place. */
export function MessageEditor({ messageId, onSend }: MessageEditorProps) {
  const value = useSelected(rewordings, (all) => all.get(messageId) ?? '');
  const field = useRef<HTMLTextAreaElement>(null);
  const isWanted = useSelected(wantedEditor, (wanted) => wanted === messageId);
  useEffect(() => {
    if (!isWanted) return;
    focusAtEnd(field.current);
    wantedEditor.set(null);
  }, [isWanted]);
  const cancel = (): void => endRewording(messageId);
  const send = (): void => {
    if (value.trim() !== '') onSend(value);
  };
  return (
    <form
      className="message-editor"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        aria-label={strings.transcript.edit}
        value={value}
        dir="auto"
        ref={field}
        onChange={(event) => reword(messageId, event.target.value)}
        onKeyDown={(event) => {
          if (isComposing(event.nativeEvent)) return;
          if (event.key === 'Escape') {
            event.stopPropagation();
            cancel();
          }
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
        }}
      />
      <div className="message-editor__row">
        <span className="small soft">{strings.transcript.editHint}</span>
        <Button kind="quiet" onClick={cancel}>
          {strings.cancel}
        </Button>
        <Button kind="primary" type="submit" disabled={value.trim() === ''}>
          {strings.transcript.send}
        </Button>
      </div>
    </form>
  );
}
