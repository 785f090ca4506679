import { memo, useState } from 'react';
import { Copy, Pencil, Pin, PinOff, Trash2 } from 'lucide-react';
import { copyWithNotice, startRun, withUndo } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { WrittenText } from '../markdown/written-text.tsx';
import { strings } from '../strings.ts';
import { attempt } from '../ui/problems.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { MessageEditor } from './message-editor.tsx';
import { BranchSwitch, Figures } from './message-footer.tsx';
import { useMessage } from './use-message.ts';

export interface MessageProps {
  session: ChatSession;
  id: string;
  /** The newest one: its actions stay visible where there is no hover. */
  isLast: boolean;
  /** Above the context line. */
  isUnseen: boolean;
}

export const PersonMessage = memo(function PersonMessage({ session, id, isLast, isUnseen }: MessageProps) {
  const view = useMessage(session, id);
  const [isEditing, setEditing] = useState(false);
  if (!view) return null;
  const { message } = view;
  if (isEditing)
    return (
      <article className="message message--person" aria-label={strings.transcript.you} data-id={id}>
        <MessageEditor
          text={message.content}
          onCancel={() => setEditing(false)}
          onSend={(content) => {
            setEditing(false);
            startRun(session, { input: { kind: 'edit', messageId: id, content } });
          }}
        />
      </article>
    );
  return (
    <article
      className="message message--person"
      aria-label={strings.transcript.you}
      data-id={id}
      data-last={isLast || undefined}
      data-unseen={isUnseen || undefined}
    >
      <h2 className="only-read-aloud">{strings.transcript.you}</h2>
      <div className="bubble">
        {message.pinned && (
          <span className="chip">
            <Pin size={12} aria-hidden /> {strings.transcript.isPinned}
          </span>
        )}
        <WrittenText text={message.content} />
      </div>
      <footer className="message__footer">
        <Figures view={view} />
        <span className="message__actions">
          <IconButton label={strings.transcript.copy} onClick={() => void copyWithNotice(message.content)}>
            <Copy />
          </IconButton>
          <IconButton label={strings.transcript.edit} data-action="edit" onClick={() => setEditing(true)}>
            <Pencil />
          </IconButton>
          <IconButton
            label={message.pinned ? strings.transcript.unpin : strings.transcript.pin}
            isPressed={message.pinned}
            onClick={() => attempt(() => session.updateMessage(id, { pinned: !message.pinned }))}
          >
            {message.pinned ? <PinOff /> : <Pin />}
          </IconButton>
          <IconButton
            label={strings.transcript.remove}
            onClick={() => withUndo(strings.transcript.removed, () => session.trash(id))}
          >
            <Trash2 />
          </IconButton>
        </span>
        <BranchSwitch session={session} view={view} />
      </footer>
    </article>
  );
});
