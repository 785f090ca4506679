import type { ChatSession } from '../state/chat-session.ts';
import { useSystem } from '../api/queries.ts';
import { strings } from '../strings.ts';
import { ContextRing } from './context-ring.tsx';
import { useTokenCount } from './use-token-count.ts';

export interface ComposerNotesProps {
  session: ChatSession | null;
  text: string;
  isTooLong: boolean;
  isQueued: boolean;
}

/** The quiet line beside the button: tokens, context, what is logged. */
export function ComposerNotes({ session, text, isTooLong, isQueued }: ComposerNotesProps) {
  const count = useTokenCount(session?.id ?? null, text);
  const loggingHost = useSystem().data?.features.loggingHost ?? null;
  return (
    <span className="composer__notes small soft figures" role="status">
      {isTooLong && <span className="problem">{strings.composer.draftTooLong}</span>}
      {isQueued && <span>{strings.composer.queued}</span>}
      {loggingHost && (
        <span className="chip" data-tip={strings.composer.loggedNote}>
          {strings.composer.logged}
        </span>
      )}
      {count && <span>{strings.composer.tokenCount(count.tokens, count.isExact)}</span>}
      {session && <ContextRing session={session} draftPlan={count?.plan ?? null} />}
    </span>
  );
}
