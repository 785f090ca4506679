import { memo, useCallback, useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { ArrowUp, Eraser, FileText, Paperclip, Square, X } from 'lucide-react';
import { clearChat, composerFocus, sendMessage, stopAnswers } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { useStore } from '../state/store.ts';
import { strings } from '../strings.ts';
import { isTouchOnly } from '../ui/browser.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { reportProblem } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';
import { longPasteCharacters, readTextFile, withAttachments, type Attachment } from './attachments.ts';
import { ComposerNotes } from './composer-notes.tsx';
import { readDraft, writeDraft } from './draft.ts';
import { useDropFiles } from './use-drop-files.ts';

/** Beyond this the server refuses a message; said before it is sent. */
const maxMessageCharacters = 1_000_000;

export interface ComposerProps {
  session: ChatSession | null;
  isRunning: boolean;
  isEmpty: boolean;
}

/** Enter sends by the kind of device, not its size; never while an input method composes a word. */
function isSendKey(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || event.nativeEvent.isComposing || event.keyCode === 229) return false;
  if (event.ctrlKey || event.metaKey) return true;
  return !event.shiftKey && !event.altKey && !isTouchOnly();
}

function editLast(): void {
  const messages = document.querySelectorAll<HTMLElement>('.message--person [data-action="edit"]');
  messages[messages.length - 1]?.click();
}

function useAttachments() {
  const [attachments, setAttachments] = useState<readonly Attachment[]>([]);
  const add = useCallback(async (files: Iterable<File>) => {
    for (const file of files) {
      const read = await readTextFile(file);
      if (read.ok)
        setAttachments((list) => [...list.filter(({ id }) => id !== read.attachment.id), read.attachment]);
      else showToast({ text: read.reason, kind: 'problem' });
    }
  }, []);
  return { attachments, setAttachments, add };
}

/** One message sent while an answer is written waits for its end. */
function useQueued(isRunning: boolean, send: (text: string) => void) {
  const [queued, setQueued] = useState<string | null>(null);
  const sendNow = useRef(send);
  sendNow.current = send;
  useEffect(() => {
    if (isRunning || queued === null) return;
    setQueued(null);
    sendNow.current(queued);
  }, [isRunning, queued]);
  return { queued, setQueued };
}

export const Composer = memo(function Composer({ session, isRunning, isEmpty }: ComposerProps) {
  const draftId = session?.id ?? 'new';
  const [text, setText] = useState(() => readDraft(draftId));
  const [isSending, setSending] = useState(false);
  const { attachments, setAttachments, add } = useAttachments();
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const focusCount = useStore(composerFocus);
  const isDropping = useDropFiles(add);
  useEffect(() => {
    const timer = setTimeout(() => writeDraft(draftId, text), 250);
    return () => clearTimeout(timer);
  }, [draftId, text]);
  useEffect(() => {
    if (!isTouchOnly()) field.current?.focus();
  }, [focusCount, draftId]);

  const post = async (content: string): Promise<void> => {
    setSending(true);
    try {
      await sendMessage(content);
    } catch (error) {
      setText((now) => (now === '' ? content : now));
      reportProblem(error, () => void post(content));
    } finally {
      setSending(false);
    }
  };
  const { queued, setQueued } = useQueued(isRunning, (content) => void post(content));
  const content = withAttachments(text, attachments);
  const isTooLong = content.length > maxMessageCharacters;
  const maySend = content.trim() !== '' && !isSending && !isTooLong;
  const submit = (): void => {
    if (!maySend) return;
    setText('');
    writeDraft(draftId, '');
    setAttachments([]);
    if (isRunning) setQueued((before) => (before === null ? content : `${before}\n\n${content}`));
    else void post(content);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isSendKey(event)) {
      event.preventDefault();
      submit();
    } else if (event.key === 'ArrowUp' && text === '') {
      event.preventDefault();
      editLast();
    }
  };
  return (
    <div className="composer-area">
      <form
        className="composer"
        data-dropping={isDropping || undefined}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {attachments.length > 0 && (
          <ul className="composer__files">
            {attachments.map((file) => (
              <li key={file.id} className="chip">
                <FileText size={14} aria-hidden />
                <span className="truncate">{file.name}</span>
                <span className="small soft figures">{strings.number(file.text.length)}</span>
                <IconButton
                  label={`${strings.remove} ${file.name}`}
                  onClick={() => setAttachments((list) => list.filter(({ id }) => id !== file.id))}
                >
                  <X />
                </IconButton>
              </li>
            ))}
          </ul>
        )}
        <textarea
          id="composer"
          ref={field}
          className="composer__field"
          aria-label={strings.composer.label}
          placeholder={isDropping ? strings.composer.dropHere : strings.composer.placeholder}
          rows={1}
          dir="auto"
          enterKeyHint={isTouchOnly() ? 'enter' : 'send'}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => {
            const pasted = event.clipboardData.getData('text/plain');
            if (event.clipboardData.files.length > 0) {
              event.preventDefault();
              void add(event.clipboardData.files);
            } else if (pasted.length > longPasteCharacters) {
              event.preventDefault();
              setAttachments((list) => [
                ...list,
                { id: `paste-${list.length}-${pasted.length}`, name: strings.composer.pasted, text: pasted },
              ]);
              showToast({ text: strings.composer.longPaste(pasted.length) });
            }
          }}
        />
        <div className="composer__row">
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
              void add([...(event.target.files ?? [])]);
              event.target.value = '';
            }}
          />
          {session && !isEmpty && (
            <IconButton
              label={strings.composer.clear}
              className="icon-button--text"
              onClick={() => clearChat(session)}
            >
              <Eraser />
              <span>{strings.composer.clear}</span>
            </IconButton>
          )}
          <ComposerNotes session={session} text={content} isTooLong={isTooLong} isQueued={queued !== null} />
          {isRunning && session && text === '' ? (
            <button type="button" className="send send--stop" onClick={() => stopAnswers(session)}>
              <Square size={14} fill="currentColor" strokeWidth={0} aria-hidden />
              {strings.composer.stop}
            </button>
          ) : (
            <button type="submit" className="send" disabled={!maySend}>
              <ArrowUp size={16} strokeWidth={2} aria-hidden />
              {strings.composer.send}
            </button>
          )}
        </div>
      </form>
    </div>
  );
});
