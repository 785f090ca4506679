import { useRef } from 'react';
import { ArrowUp, Eraser, Paperclip, Square } from 'lucide-react';
import { clearChat, stopAnswers } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { strings } from '../strings.ts';
import { shortcutText } from '../palette/shortcuts.ts';
import { IconButton } from '../ui/icon-button.tsx';

/** Chooses text files; what they are is looked at when they are read. */
export function AttachButton({ onFiles }: { onFiles: (files: Iterable<File>) => void }) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton label={strings.composer.attach} onClick={() => picker.current?.click()}>
        <Paperclip />
      </IconButton>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        aria-label={strings.composer.attach}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
    </>
  );
}

export function ClearButton({ session }: { session: ChatSession }) {
  return (
    <IconButton
      label={strings.composer.clear}
      shortcut={shortcutText('clear')}
      className="icon-button--text"
      onClick={() => clearChat(session)}
    >
      <Eraser />
      <span>{strings.composer.clear}</span>
    </IconButton>
  );
}

export interface SendButtonProps {
  session: ChatSession | null;
  isRunning: boolean;
  hasText: boolean;
  maySend: boolean;
}

/** Send; while an answer is written it is Stop, and both once something is typed. */
export function SendButton({ session, isRunning, hasText, maySend }: SendButtonProps) {
  const isStopping = isRunning && session !== null;
  return (
    <>
      {isStopping && (
        <button
          type="button"
          className="send send--stop"
          data-narrow={hasText || undefined}
          data-tip={`${strings.composer.stop}\n${shortcutText('stop')}`}
          onClick={() => stopAnswers(session)}
        >
          <Square size={14} fill="currentColor" strokeWidth={0} aria-hidden />
          <span>{strings.composer.stop}</span>
        </button>
      )}
      {(!isStopping || hasText) && (
        <button
          type="submit"
          className="send"
          disabled={!maySend}
          data-tip={isStopping ? strings.composer.waiting : undefined}
        >
          <ArrowUp size={16} strokeWidth={2} aria-hidden />
          <span>{strings.composer.send}</span>
        </button>
      )}
    </>
  );
}
