import { useEffect, useState } from 'react';
import type { ContextPlan } from '@corral/app/contracts/runs';
import { runsApi } from '../api/chats.ts';
import { useModels } from '../api/queries.ts';
import type { ChatSession } from '../state/chat-session.ts';
import type { Draft } from '../state/draft.ts';
import { settingsOfNewChat } from '../state/new-chat.ts';
import { useSelectedLater, type Store } from '../state/store.ts';
import { useAnsweringModel } from '../state/use-settings.ts';
import { contentLength, isBlank, withAttachments } from './attachments.ts';

export interface TokenCount {
  tokens: number;
  isExact: boolean;
  plan: ContextPlan | null;
}

const pauseMs = 400;
const maxCountedCharacters = 400_000;

/** Null stands for the chat that is not there yet. */
type Session = ChatSession | null;

async function countTokens(
  session: Session,
  content: string,
  signal: AbortSignal,
): Promise<TokenCount | null> {
  try {
    const { tokens, exact, plan } = await (session
      ? session.count(content, signal)
      : runsApi.countNew({ content, settings: settingsOfNewChat() }, signal));
    return { tokens, isExact: exact, plan };
  } catch {
    return null;
  }
}

/** Counts what stands in the draft whenever it and its chat rested for a moment, until told to end. */
function countInPauses(
  session: Session,
  draft: Store<Draft>,
  tell: (count: TokenCount | null) => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = new AbortController();
  const count = async (): Promise<void> => {
    const { signal } = asked;
    const { text, attachments } = draft.get();
    const counted = await countTokens(session, withAttachments(text, attachments), signal);
    if (!signal.aborted) tell(counted);
  };
  const stop = (): void => {
    clearTimeout(timer);
    asked.abort();
  };
  const wait = (): void => {
    stop();
    asked = new AbortController();
    timer = setTimeout(() => void count(), pauseMs);
  };
  wait();
  const leaveDraft = draft.subscribe(wait);
  // An answer that ended, another branch, another setting: each changes what there is room for beside the draft.
  const leaveChat = session?.state.subscribe(wait);
  return () => {
    leaveDraft();
    leaveChat?.();
    stop();
  };
}

function mayCount(hasCounter: boolean, draft: Draft): boolean {
  return hasCounter && !isBlank(draft) && contentLength(draft) <= maxCountedCharacters;
}

/** In tokens; null where there is nothing to guess, or it will be counted for sure. */
function guess(isSureToBeCounted: boolean, draft: Draft): number | null {
  return isBlank(draft) || mayCount(isSureToBeCounted, draft) ? null : Math.ceil(contentLength(draft) / 4);
}

function useIsLoaded(model: string | null): boolean {
  const models = useModels().data?.models ?? [];
  return models.some(({ id, state }) => id === model && state === 'loaded');
}

/**
 * What a draft costs, from the model's own tokenizer. In a chat that is not there yet it is a guess until the model is in
 * memory: nobody has asked for it so far, and it may be a large one.
 */
export function useTokenCount(session: Session, draft: Store<Draft>): TokenCount | null {
  const [last, setLast] = useState<{ model: string | null; count: TokenCount | null } | null>(null);
  const model = useAnsweringModel();
  const isLoaded = useIsLoaded(model);
  const hasCounter = session !== null || isLoaded;
  const isCountable = useSelectedLater(draft, (now) => mayCount(hasCounter, now));
  const guessed = useSelectedLater(draft, (now) => guess(session !== null, now));
  useEffect(() => {
    if (!isCountable) return undefined;
    const end = countInPauses(session, draft, (count) => setLast({ model, count }));
    return () => {
      end();
      // It says nothing of another chat or of the next message.
      setLast(null);
    };
  }, [session, draft, isCountable, model]);
  const counted = last?.model === model ? last.count : null;
  if (isCountable && (counted !== null || session !== null)) return counted;
  return guessed === null ? null : { tokens: guessed, isExact: false, plan: null };
}
