import type { TrashEntry } from '@corral/app/contracts/chats';
import { useInfiniteQuery } from '@tanstack/react-query';
import { ArrowLeft, Undo2, X } from 'lucide-react';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys } from '../api/queries.ts';
import { useTimeAgo } from '../state/clock.ts';
import { dropKept } from '../state/drafts.ts';
import { goTo } from '../state/route.ts';
import { findSession } from '../state/sessions.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { NotLoaded } from './not-loaded.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { attempt } from '../ui/problems.ts';
import { exactTime } from '../ui/times.ts';

function purge({ id, kind, chatId }: TrashEntry): void {
  attempt(async () => {
    await chatsApi.purge(id);
    if (kind === 'chat') dropKept(chatId);
    invalidate(keys.trash);
  });
}

function Row({ entry, onRestored }: { entry: TrashEntry; onRestored: () => void }) {
  const age = useTimeAgo(entry.trashedAt);
  const end = useTimeAgo(entry.purgeAt);
  const restore = (): void =>
    attempt(async () => {
      const chat = await chatsApi.restore(entry.id);
      invalidate(keys.trash, keys.chats);
      void findSession(chat.id)?.load();
      goTo({ view: 'chat', chatId: chat.id });
      onRestored();
    });
  return (
    <li className="trash-row">
      <span className="trash-row__text">
        <span className="truncate" dir="auto">
          {entry.title || strings.sidebar.untitled}
        </span>
        <span className="small soft" title={exactTime(entry.trashedAt)}>
          {strings.sidebar.trashKinds[entry.kind](entry.messageCount)} · {age}
        </span>
        <span className="small soft" title={exactTime(entry.purgeAt)}>
          {strings.sidebar.trashGone(end)}
        </span>
      </span>
      <IconButton label={strings.sidebar.restore} onClick={restore}>
        <Undo2 />
      </IconButton>
      <IconButton label={strings.sidebar.deleteForGood} onClick={() => purge(entry)}>
        <X />
      </IconButton>
    </li>
  );
}

function Entries({ entries, onRestored }: { entries: readonly TrashEntry[]; onRestored: () => void }) {
  return (
    <>
      <p className="sidebar__note small soft">
        {entries.length === 0 ? strings.sidebar.trashEmpty : strings.sidebar.trashNote}
      </p>
      <ul>
        {entries.map((entry) => (
          <Row key={entry.id} entry={entry} onRestored={onRestored} />
        ))}
      </ul>
    </>
  );
}

function useTrash() {
  return useInfiniteQuery({
    queryKey: keys.trash,
    queryFn: ({ pageParam }) => chatsApi.trashed({ limit: 100, ...(pageParam ? { cursor: pageParam } : {}) }),
    initialPageParam: '',
    getNextPageParam: (page) => page.cursor,
  });
}

/** What was deleted or cleared and can come back. */
export function TrashList({ onClose }: { onClose: () => void }) {
  const { data, isLoadingError, error, refetch, hasNextPage, fetchNextPage } = useTrash();
  return (
    <section aria-label={strings.sidebar.trash}>
      <Button kind="quiet" onClick={onClose}>
        <ArrowLeft size={16} aria-hidden />
        {strings.sidebar.backToChats}
      </Button>
      {isLoadingError ? (
        <NotLoaded error={error} onRetry={() => void refetch()} />
      ) : data ? (
        <Entries entries={data.pages.flatMap((page) => page.entries)} onRestored={onClose} />
      ) : (
        <div className="woven woven--moving" role="progressbar" aria-label={strings.loading} />
      )}
      {hasNextPage && (
        <Button kind="quiet" onClick={() => void fetchNextPage()}>
          {strings.sidebar.trashMore}
        </Button>
      )}
    </section>
  );
}
