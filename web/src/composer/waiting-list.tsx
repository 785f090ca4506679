import { Pencil, X } from 'lucide-react';
import type { ChatSession } from '../state/chat-session.ts';
import { unqueue } from '../state/sending.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/icon-button.tsx';

/** Only the beginning is shown, and only so much is drawn. */
export const shownCharacters = 200;

/** Messages that go out when the answer is finished; each can come back or be given up. */
export function WaitingList({ session, waiting }: { session: ChatSession; waiting: readonly string[] }) {
  if (waiting.length === 0) return null;
  return (
    <ol className="waiting" aria-label={strings.composer.waiting}>
      {waiting.map((text, index) => (
        <li key={`${index}${text.slice(0, 40)}`} className="waiting__item">
          <span className="truncate" dir="auto">
            {text.slice(0, shownCharacters)}
          </span>
          <span className="small soft waiting__note">{strings.composer.waiting}</span>
          <IconButton label={strings.composer.editWaiting} onClick={() => unqueue(session, index, true)}>
            <Pencil />
          </IconButton>
          <IconButton label={strings.composer.removeWaiting} onClick={() => unqueue(session, index, false)}>
            <X />
          </IconButton>
        </li>
      ))}
    </ol>
  );
}
