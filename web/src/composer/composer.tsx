import { memo, useCallback, useLayoutEffect } from 'react';
import type { maxMessageCharacters as serverLimit } from '@corral/app/contracts/chats';
import type { ChatSession } from '../state/chat-session.ts';
import { newDraftId, type Draft } from '../state/draft.ts';
import { draftOf } from '../state/drafts.ts';
import { takeEarlyField } from '../state/early-field.ts';
import { queueDraft, sendDraft } from '../state/sending.ts';
import { useSelected, useSelectedLater, type Store } from '../state/store.ts';
import { strings } from '../strings.ts';
import { showToast } from '../ui/toasts.tsx';
import { contentLength, isBlank, readTextFile, type Attachment } from './attachments.ts';
import { AttachButton, ClearButton, SendButton } from './composer-buttons.tsx';
import { ComposerField } from './composer-field.tsx';
import { ComposerFiles } from './composer-files.tsx';
import { ComposerNotes } from './composer-notes.tsx';
import { OutgoingMessage } from './outgoing-message.tsx';
import { useDropFiles } from './use-drop-files.ts';
import { useRoomBelow } from './use-room-below.ts';
import { WaitingList } from './waiting-list.tsx';

/** The server's own limit, said before it is sent; the type keeps the two the same. */
const maxMessageCharacters: typeof serverLimit = 4_000_000;

const isTooLongFor = (draft: Draft): boolean => contentLength(draft) > maxMessageCharacters;
const maySend = (draft: Draft): boolean => !isBlank(draft) && draft.outgoing === null && !isTooLongFor(draft);

export interface ComposerProps {
  session: ChatSession | null;
  isRunning: boolean;
  isEmpty: boolean;
}

/** Adds to the draft; the same file twice is there once. */
function attach(store: Store<Draft>, attachment: Attachment): void {
  store.set((draft) => ({
    ...draft,
    attachments: [...draft.attachments.filter(({ id }) => id !== attachment.id), attachment],
  }));
}

async function attachFiles(store: Store<Draft>, files: Iterable<File>): Promise<void> {
  for (const file of files) {
    const read = await readTextFile(file);
    if (read.ok) attach(store, read.attachment);
    else showToast({ text: read.reason, kind: 'problem' });
  }
}

function attachPaste(store: Store<Draft>, text: string): void {
  const id = `paste-${text.length}-${Date.now()}`;
  attach(store, { id, name: strings.composer.pasted, text });
  showToast({ text: strings.composer.longPaste(text.length) });
}

export const Composer = memo(function Composer({ session, isRunning, isEmpty }: ComposerProps) {
  const store = draftOf(session?.id ?? newDraftId);
  // Parts that stay the same while one types: only the field itself has work with a key.
  const attachments = useSelected(store, (draft) => draft.attachments);
  const outgoing = useSelected(store, (draft) => draft.outgoing);
  const waiting = useSelected(store, (draft) => draft.waiting);
  const hasText = useSelectedLater(store, (draft) => !isBlank(draft));
  const isTooLong = useSelectedLater(store, isTooLongFor);
  useLayoutEffect(() => takeEarlyField(session), [session]);
  const addFiles = useCallback((files: Iterable<File>) => void attachFiles(store, files), [store]);
  const isDropping = useDropFiles(addFiles);
  const area = useRoomBelow();
  const submit = (): void => {
    if (!maySend(store.get())) return;
    if (isRunning && session) queueDraft(session);
    else void sendDraft(session);
  };
  return (
    <div className="composer-area" ref={area}>
      <form
        className="composer"
        data-dropping={isDropping || undefined}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {outgoing && <OutgoingMessage session={session} message={outgoing} />}
        {session && <WaitingList session={session} waiting={waiting} />}
        <ComposerFiles
          files={attachments}
          onRemove={(id) =>
            store.set((draft) => ({ ...draft, attachments: attachments.filter((file) => file.id !== id) }))
          }
        />
        <ComposerField
          draft={store}
          isDropping={isDropping}
          onSubmit={submit}
          onFiles={addFiles}
          onLongPaste={(pasted) => attachPaste(store, pasted)}
        />
        <div className="composer__row">
          <AttachButton onFiles={addFiles} />
          {session && !isEmpty && <ClearButton session={session} />}
          <ComposerNotes
            session={session}
            draft={store}
            problem={isTooLong ? strings.composer.draftTooLong(maxMessageCharacters) : null}
          />
          <SendButton
            session={session}
            isRunning={isRunning}
            hasText={hasText}
            maySend={hasText && outgoing === null && !isTooLong}
          />
        </div>
      </form>
    </div>
  );
});
