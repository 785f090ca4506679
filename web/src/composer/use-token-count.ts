import { useEffect, useState } from 'react';
import type { ContextPlan } from '@corral/app/contracts/runs';
import { runsApi } from '../api/chats.ts';
import type { Draft } from '../state/draft.ts';
import { useSelectedLater, type Store } from '../state/store.ts';
import { contentLength, isBlank, withAttachments } from './attachments.ts';

export interface TokenCount {
  tokens: number;
  isExact: boolean;
  plan: ContextPlan | null;
}

const pauseMs = 400;
const maxCountedCharacters = 400_000;

async function countTokens(chatId: string, content: string, signal: AbortSignal): Promise<TokenCount | null> {
  try {
    const { tokens, exact, plan } = await runsApi.count(chatId, { content }, signal);
    return { tokens, isExact: exact, plan };
  } catch {
    return null;
  }
}

/** Counts what stands in the draft whenever it rested for a moment, until told to end. */
function countInPauses(
  chatId: string,
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

function mayCount(chatId: string | null, draft: Draft): boolean {
  return chatId !== null && !isBlank(draft) && contentLength(draft) <= maxCountedCharacters;
}

/** In tokens; null where there is nothing to guess, or it can be counted. */
function guess(chatId: string | null, draft: Draft): number | null {
  return isBlank(draft) || mayCount(chatId, draft) ? null : Math.ceil(contentLength(draft) / 4);
}

/** What a draft costs, from the model's own tokenizer; a guess until the chat exists. */
export function useTokenCount(chatId: string | null, draft: Store<Draft>): TokenCount | null {
  const [counted, setCounted] = useState<TokenCount | null>(null);
  const isCountable = useSelectedLater(draft, (now) => mayCount(chatId, now));
  const guessed = useSelectedLater(draft, (now) => guess(chatId, now));
  useEffect(() => {
    if (isCountable && chatId !== null) return countInPauses(chatId, draft, setCounted);
  }, [chatId, draft, isCountable]);
  if (isCountable) return counted;
  return guessed === null ? null : { tokens: guessed, isExact: false, plan: null };
}
