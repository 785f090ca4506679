import { memo } from 'react';
import type { ChatMessage } from '@corral/app/contracts/chats';
import { Copy, Pencil, Pin, PinOff, Trash2 } from 'lucide-react';
import { run, withUndo } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { wantEnd } from '../state/end-wanted.ts';
import { endRewording, rewordings } from '../state/rewordings.ts';
import { useSelected } from '../state/store.ts';
import { WrittenText } from '../markdown/written-text.tsx';
import { strings } from '../strings.ts';
import { copyWithNotice } from '../ui/copying.ts';
import { attempt } from '../ui/problems.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { MessageEditor } from './message-editor.tsx';
import { BranchSwitch, Figures, PinMark } from './message-footer.tsx';
import { openEditor } from './open-editor.ts';
import { useMessage } from './use-message.ts';

export interface MessageProps {
  session: ChatSession;
  id: string;
  /** The newest one: its actions stay visible where there is no hover. */
  isLast: boolean;
  /** Above the context line. */
  isUnseen: boolean;
}

interface ActionsProps {
  session: ChatSession;
  message: ChatMessage;
  onEdit: () => void;
}

function Actions({ session, message, onEdit }: ActionsProps) {
  const { id, pinned } = message;
  return (
    <span className="message__actions">
      <IconButton label={strings.transcript.copy} onClick={() => void copyWithNotice(message.content)}>
        <Copy />
      </IconButton>
      <IconButton label={strings.transcript.edit} onClick={onEdit}>
        <Pencil />
      </IconButton>
      <IconButton
        label={pinned ? strings.transcript.unpin : strings.transcript.pin}
        isPressed={pinned}
        onClick={() => attempt(() => session.updateMessage(id, { pinned: !pinned }))}
      >
        {pinned ? <PinOff /> : <Pin />}
      </IconButton>
      <IconButton
        label={strings.transcript.remove}
        onClick={() => withUndo(strings.transcript.removed, () => session.trash(id))}
      >
        <Trash2 />
      </IconButton>
    </span>
  );
}

export const PersonMessage = memo(function PersonMessage({ session, id, isLast, isUnseen }: MessageProps) {
  const view = useMessage(session, id);
  const isEditing = useSelected(rewordings, (all) => all.has(id));
  if (!view) return null;
  const { message } = view;
  // What is written stays where it is until the server has it.
  const send = (content: string): void =>
    attempt(async () => {
      wantEnd();
      await run(session, { input: { kind: 'edit', messageId: id, content } });
      endRewording(id);
    });
  return (
    <article
      className="message message--person"
      aria-label={strings.transcript.you}
      // A tap gives it the focus, and with it its actions where nothing can hover.
      tabIndex={-1}
      data-id={id}
      data-last={isLast || undefined}
      data-unseen={isUnseen || undefined}
    >
      <h2 className="only-read-aloud">{strings.transcript.you}</h2>
      {isEditing ? (
        <MessageEditor messageId={id} onSend={send} />
      ) : (
        <>
          <div className="bubble">
            {message.pinned && <PinMark />}
            <WrittenText text={message.content} />
          </div>
          <footer className="message__footer">
            <Figures view={view} />
            <Actions session={session} message={message} onEdit={() => openEditor(id, message.content)} />
            <BranchSwitch session={session} view={view} />
          </footer>
        </>
      )}
    </article>
  );
});
