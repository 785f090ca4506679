import { useEffect, useState } from 'react';
import { Pencil, X } from 'lucide-react';
import type { ChatSession } from '../state/chat-session.ts';
import type { Outgoing } from '../state/draft.ts';
import { resend, withdraw } from '../state/sending.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { shownCharacters } from './waiting-list.tsx';

/** Most messages arrive sooner than somebody could read that they are on their way. */
const patienceMs = 1_000;

export interface OutgoingMessageProps {
  session: ChatSession | null;
  message: Outgoing;
}

/** A message that has not arrived: after a moment that it is on its way, in the end that it is unsent, and what to do. */
export function OutgoingMessage({ session, message: { content, problem } }: OutgoingMessageProps) {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), patienceMs);
    return () => clearTimeout(timer);
  }, []);
  if (problem === null && !isSlow) return null;
  return (
    <div className="waiting outgoing" role={problem === null ? 'status' : 'alert'}>
      <div className="waiting__item">
        <span className="truncate" dir="auto">
          {content.slice(0, shownCharacters)}
        </span>
        {problem === null ? (
          <span className="small soft waiting__note">{strings.composer.sending}</span>
        ) : (
          <>
            <Button onClick={() => void resend(session)}>{strings.composer.sendAgain}</Button>
            <IconButton label={strings.composer.editWaiting} onClick={() => withdraw(session, true)}>
              <Pencil />
            </IconButton>
            <IconButton label={strings.composer.removeWaiting} onClick={() => withdraw(session, false)}>
              <X />
            </IconButton>
          </>
        )}
      </div>
      {problem !== null && <p className="small problem outgoing__why">{strings.composer.unsent(problem)}</p>}
    </div>
  );
}
