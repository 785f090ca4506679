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

/** What a draft costs, from the model's own tokenizer; a guess until the chat exists. */
export function useTokenCount(chatId: string | null, text: string): TokenCount | null {
  const [count, setCount] = useState<TokenCount | null>(null);
  useEffect(() => {
    if (text.trim() === '') {
      setCount(null);
      return;
    }
    if (!chatId || text.length > maxCountedCharacters) {
      setCount({ tokens: Math.ceil(text.length / 4), isExact: false, plan: null });
      return;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => {
      runsApi
        .count(chatId, { content: text }, abort.signal)
        .then(({ tokens, exact, plan }) => setCount({ tokens, isExact: exact, plan }))
        .catch(() => {
          if (!abort.signal.aborted) setCount(null);
        });
    }, pauseMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [chatId, text]);
  return count;
}
