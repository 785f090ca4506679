import { useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import type { chatRoutes } from '@corral/app/contracts/api/chats';
import type { ResponseOf } from '@corral/app/contracts/api/route';
import { chatsApi } from '../api/chats.ts';
import { keys } from '../api/queries.ts';

export type Listed = ResponseOf<(typeof chatRoutes)['list']>;

interface Wanted {
  key: readonly unknown[];
  query: Parameters<typeof chatsApi.list>[0];
  isWanted?: boolean;
}

function useChatPages({ key, query, isWanted = true }: Wanted) {
  return useInfiniteQuery<Listed, Error, InfiniteData<Listed>, readonly unknown[], string | undefined>({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      chatsApi.list({ ...query, ...(pageParam ? { cursor: pageParam } : {}) }, signal),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
    placeholderData: (previous) => previous,
    enabled: isWanted,
  });
}

/** Every chat, or those with one tag. */
export function useChats(tag: string | null = null) {
  return useChatPages({
    key: tag === null ? keys.chats : [...keys.chats, tag],
    query: { limit: 100, ...(tag === null ? {} : { tag }) },
  });
}

/** All of a folder, however old, where the list of every chat has not come that far. */
export function useFolderChats(folder: string, isWanted: boolean) {
  return useChatPages({ key: [...keys.chats, 'folder', folder], query: { limit: 200, folder }, isWanted });
}
