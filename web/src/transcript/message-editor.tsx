import { useState } from 'react';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';

export interface MessageEditorProps {
  text: string;
  onSend: (text: string) => void;
  onCancel: () => void;
}

/** A message of the person being reworded, in its place. */
export function MessageEditor({ text, onSend, onCancel }: MessageEditorProps) {
  const [value, setValue] = useState(text);
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
        ref={(element) => {
          if (element && document.activeElement !== element && element.dataset['seen'] === undefined) {
            element.dataset['seen'] = '';
            element.focus();
            element.setSelectionRange(element.value.length, element.value.length);
          }
        }}
        onChange={(event) => setValue(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            onCancel();
          }
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
        }}
      />
      <div className="message-editor__row">
        <span className="small soft">{strings.transcript.editHint}</span>
        <Button kind="quiet" onClick={onCancel}>
          {strings.cancel}
        </Button>
        <Button kind="primary" type="submit" disabled={value.trim() === ''}>
          {strings.transcript.send}
        </Button>
      </div>
    </form>
  );
}
