import { useEffect, useState } from 'react';
import type { ContextPlan } from '@corral/app/contracts/runs';
import { runsApi } from '../api/chats.ts';

export interface TokenCount {
  tokens: number;
  isExact: boolean;
  plan: ContextPlan | null;
}

const pauseMs = 400;
const maxCountedCharacters = 400_000;

function guess(text: string): TokenCount {
  return { tokens: Math.ceil(text.length / 4), isExact: false, plan: null };
}

async function countTokens(chatId: string, content: string, signal: AbortSignal): Promise<TokenCount | null> {
  try {
    const { tokens, exact, plan } = await runsApi.count(chatId, { content }, signal);
    return { tokens, isExact: exact, plan };
  } catch {
    return null;
  }
}

/** What a draft costs, from the model's own tokenizer; a guess until the chat exists. */
export function useTokenCount(chatId: string | null, text: string): TokenCount | null {
  const [counted, setCounted] = useState<TokenCount | null>(null);
  const isEmpty = text.trim() === '';
  const isCountable = chatId !== null && !isEmpty && text.length <= maxCountedCharacters;
  useEffect(() => {
    if (!isCountable || chatId === null) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      void countTokens(chatId, text, abort.signal).then((count) => {
        if (!abort.signal.aborted) setCounted(count);
        return count;
      });
    }, pauseMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [chatId, text, isCountable]);
  if (isEmpty) return null;
  return isCountable ? counted : guess(text);
}
