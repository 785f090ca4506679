import { Pencil, X } from 'lucide-react';
import type { ChatSession } from '../state/chat-session.ts';
import type { Message } from '../state/draft.ts';
import { unqueue } from '../state/sending.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/icon-button.tsx';

/** Only the beginning is shown, and only so much is drawn. */
export const shownCharacters = 200;

/** Messages that go out when the answer is finished; each can come back or be given up. */
export function WaitingList({ session, waiting }: { session: ChatSession; waiting: readonly Message[] }) {
  if (waiting.length === 0) return null;
  return (
    <ol className="waiting" aria-label={strings.composer.waiting}>
      {waiting.map((message) => (
        <li key={message.id} className="waiting__item">
          <span className="truncate" dir="auto">
            {message.content.slice(0, shownCharacters)}
          </span>
          <span className="small soft waiting__note">{strings.composer.waiting}</span>
          <IconButton label={strings.composer.editWaiting} onClick={() => unqueue(session, message, true)}>
            <Pencil />
          </IconButton>
          <IconButton label={strings.composer.removeWaiting} onClick={() => unqueue(session, message, false)}>
            <X />
          </IconButton>
        </li>
      ))}
    </ol>
  );
}
