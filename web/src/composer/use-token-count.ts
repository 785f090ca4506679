import { useEffect, useState } from 'react';
import type { ContextPlan } from '@corral/app/contracts/runs';
import { runsApi } from '../api/chats.ts';
import { useModels } from '../api/queries.ts';
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
type ChatId = string | null;

async function countTokens(chatId: ChatId, content: string, signal: AbortSignal): Promise<TokenCount | null> {
  try {
    const { tokens, exact, plan } = await (chatId === null
      ? runsApi.countNew({ content, settings: settingsOfNewChat() }, signal)
      : runsApi.count(chatId, { content }, signal));
    return { tokens, isExact: exact, plan };
  } catch {
    return null;
  }
}

/** Counts what stands in the draft whenever it rested for a moment, until told to end. */
function countInPauses(
  chatId: ChatId,
  draft: Store<Draft>,
  tell: (count: TokenCount | null) => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = new AbortController();
  const count = async (): Promise<void> => {
    const { signal } = asked;
    const { text, attachments } = draft.get();
    const counted = await countTokens(chatId, withAttachments(text, attachments), signal);
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
  const leave = draft.subscribe(wait);
  return () => {
    leave();
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

function useIsLoaded(): boolean {
  const model = useAnsweringModel();
  const models = useModels().data?.models ?? [];
  return models.some(({ id, state }) => id === model && state === 'loaded');
}

/**
 * What a draft costs, from the model's own tokenizer. In a chat that is not there yet it is a guess until the model is in
 * memory: nobody has asked for it so far, and it may be a large one.
 */
export function useTokenCount(chatId: ChatId, draft: Store<Draft>): TokenCount | null {
  const [counted, setCounted] = useState<TokenCount | null>(null);
  const isLoaded = useIsLoaded();
  const hasCounter = chatId !== null || isLoaded;
  const isCountable = useSelectedLater(draft, (now) => mayCount(hasCounter, now));
  const guessed = useSelectedLater(draft, (now) => guess(chatId !== null, now));
  useEffect(() => {
    if (isCountable) return countInPauses(chatId, draft, setCounted);
  }, [chatId, draft, isCountable]);
  if (isCountable && (counted !== null || chatId !== null)) return counted;
  return guessed === null ? null : { tokens: guessed, isExact: false, plan: null };
}
