import type { maxSearchCharacters as serverLimit } from '@corral/app/contracts/chats';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import { chatsApi } from '../api/chats.ts';

/** The server's own limit; the type keeps the two the same. */
export const maxSearchCharacters: typeof serverLimit = 400;
/** So many of the best. */
export const maxHits = 40;

/** What was said anywhere, and titles, from so many characters of a query on. */
export function useSearch(query: string, fromCharacters = 1) {
  const wanted = useDeferredValue(query);
  return useQuery({
    queryKey: ['search', wanted],
    // While the next answer is on its way the last one is shown: it tells what it is the answer to.
    queryFn: async ({ signal }) => ({
      ...(await chatsApi.search({ q: wanted, limit: maxHits }, signal)),
      query: wanted,
    }),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    enabled: wanted.length >= fromCharacters,
  });
}
