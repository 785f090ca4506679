import type { ChatSession } from '../state/chat-session.ts';
import { useSystem } from '../api/queries.ts';
import type { Draft } from '../state/draft.ts';
import { createStore, useSelected, type Store } from '../state/store.ts';
import { strings } from '../strings.ts';
import { ContextRing } from './context-ring.tsx';
import { useTokenCount } from './use-token-count.ts';

export interface ComposerNotesProps {
  session: ChatSession | null;
  draft: Store<Draft>;
  /** Why it cannot be sent as it is. */
  problem: string | null;
}

/** A temporary chat is not, unless the operator forces it; before the first message only the server can tell. */
function useIsLogged(session: ChatSession | null): boolean {
  const isServerLogging = (useSystem().data?.features.loggingHost ?? null) !== null;
  const isChatLogged = useSelected<{ isLogged: boolean }, boolean>(
    session?.state ?? noChat,
    (chat) => chat.isLogged,
  );
  return session ? isChatLogged : isServerLogging;
}

const noChat = createStore({ isLogged: false });

/** The quiet line beside the button: tokens, context, what is logged. */
export function ComposerNotes({ session, draft, problem }: ComposerNotesProps) {
  const count = useTokenCount(session, draft);
  const isLogged = useIsLogged(session);
  return (
    <span className="composer__notes small soft figures">
      <span role="status" className="problem">
        {problem}
      </span>
      {isLogged && (
        <span className="chip" data-tip={strings.composer.loggedNote}>
          {strings.composer.logged}
        </span>
      )}
      {count && <span>{strings.composer.tokenCount(count.tokens, count.isExact)}</span>}
      {session && <ContextRing session={session} draftPlan={count?.plan ?? null} />}
    </span>
  );
}
