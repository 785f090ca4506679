import { useMemo, useState } from 'react';
import { useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import type { chatRoutes } from '@corral/app/contracts/api/chats';
import type { ResponseOf } from '@corral/app/contracts/api/route';
import type { Chat } from '@corral/app/contracts/chats';
import { ChevronDown, Folder } from 'lucide-react';
import { chatsApi } from '../api/chats.ts';
import { keys } from '../api/queries.ts';
import { strings } from '../strings.ts';
import { useStore } from '../state/store.ts';
import { remembered } from '../ui/browser.ts';
import { Button } from '../ui/button.tsx';
import { fieldKeys } from '../ui/field-keys.ts';
import { focusAtMount } from '../ui/focus-at-mount.ts';
import { timeGroup, type TimeGroup } from '../ui/times.ts';
import { ChatRow } from './chat-row.tsx';
import { emptyFolders } from './empty-folders.ts';
import { FolderMenu } from './folder-menu.tsx';
import { TagFilter } from './tag-filter.tsx';

const noTags: Listed['tags'] = [];

type Listed = ResponseOf<(typeof chatRoutes)['list']>;

/** Every chat, or those with one tag. */
export function useChats(tag: string | null = null) {
  return useInfiniteQuery<Listed, Error, InfiniteData<Listed>, readonly unknown[], string | undefined>({
    queryKey: tag === null ? keys.chats : [...keys.chats, tag],
    queryFn: ({ pageParam }) =>
      chatsApi.list({
        limit: 100,
        ...(pageParam ? { cursor: pageParam } : {}),
        ...(tag === null ? {} : { tag }),
      }),
    initialPageParam: undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
    placeholderData: (previous) => previous,
  });
}

interface Group {
  key: string;
  title: string;
  chats: Chat[];
}

const timeGroups: readonly TimeGroup[] = ['today', 'yesterday', 'week', 'month', 'older'];

/** Pinned first, then by when something was last said; chats in folders are listed there. */
export function groupChats(chats: readonly Chat[], now = new Date()): Group[] {
  const loose = chats.filter((chat) => chat.folder === null);
  const groups: Group[] = [
    { key: 'pinned', title: strings.sidebar.pinned, chats: loose.filter((chat) => chat.pinned) },
    ...timeGroups.map((group) => ({
      key: group,
      title: strings.sidebar[group],
      chats: loose.filter((chat) => !chat.pinned && timeGroup(chat.updatedAt, now) === group),
    })),
  ];
  return groups.filter((group) => group.chats.length > 0);
}

interface FolderSectionProps {
  name: string;
  chats: Chat[];
  folders: string[];
  tags: string[];
}

function FolderSection({ name, chats, folders, tags }: FolderSectionProps) {
  const [isOpen, setOpen] = useState(() => remembered.read(`folder.${name}`, true));
  const toggle = (): void => {
    remembered.write(`folder.${name}`, !isOpen);
    setOpen(!isOpen);
  };
  return (
    <section className="chat-group" aria-label={name}>
      <div className="folder">
        <button type="button" className="folder__head" aria-expanded={isOpen} onClick={toggle}>
          <ChevronDown size={14} aria-hidden className="folder__arrow" />
          <Folder size={16} strokeWidth={1.75} aria-hidden />
          <span className="truncate">{name}</span>
          <span className="small soft figures">{chats.length}</span>
        </button>
        <FolderMenu name={name} />
      </div>
      {isOpen && (
        <ul className="folder__chats">
          {chats.map((chat) => (
            <ChatRow key={chat.id} chat={chat} folders={folders} tags={tags} />
          ))}
        </ul>
      )}
    </section>
  );
}

function NewFolder({ onDone }: { onDone: (name: string) => void }) {
  return (
    <input
      className="field"
      aria-label={strings.sidebar.folderName}
      placeholder={strings.sidebar.folderName}
      maxLength={120}
      ref={focusAtMount}
      {...fieldKeys({ onEnter: (text) => onDone(text), onEscape: () => onDone('') })}
      onBlur={(event) => onDone(event.currentTarget.value.trim())}
    />
  );
}

export interface ChatListProps {
  isMakingFolder: boolean;
  onFolderMade: () => void;
}

export function ChatList({ isMakingFolder, onFolderMade }: ChatListProps) {
  const [tag, setTag] = useState<string | null>(null);
  const { data, hasNextPage, fetchNextPage, isPending, isLoadingError, refetch } = useChats(tag);
  const waiting = useStore(emptyFolders);
  const chats = useMemo(() => data?.pages.flatMap((page) => page.chats) ?? [], [data]);
  const folders = useMemo(() => {
    const named = chats.flatMap((chat) => (chat.folder === null ? [] : [chat.folder]));
    return [...new Set([...named, ...waiting])].sort((left, right) => left.localeCompare(right));
  }, [chats, waiting]);
  const groups = useMemo(() => groupChats(chats), [chats]);
  const counted = data?.pages[0]?.tags ?? noTags;
  const tags = useMemo(() => counted.map(({ name }) => name), [counted]);
  // The last chat lost the tag that was chosen.
  if (tag !== null && data && !tags.includes(tag)) setTag(null);
  const makeFolder = (name: string): void => {
    onFolderMade();
    if (name === '' || folders.includes(name)) return;
    emptyFolders.set([...waiting, name]);
  };
  if (isLoadingError)
    return (
      <div className="sidebar__note">
        <Button onClick={() => void refetch()}>{strings.retry}</Button>
      </div>
    );
  return (
    <>
      <TagFilter tags={counted} chosen={tag} onChoose={setTag} />
      {isMakingFolder && <NewFolder onDone={makeFolder} />}
      {folders
        .filter((name) => tag === null || chats.some((chat) => chat.folder === name))
        .map((name) => (
          <FolderSection
            key={name}
            name={name}
            chats={chats.filter((chat) => chat.folder === name)}
            folders={folders}
            tags={tags}
          />
        ))}
      {groups.map((group) => (
        <section key={group.key} className="chat-group" aria-label={group.title}>
          <h2 className="chat-group__title">{group.title}</h2>
          <ul>
            {group.chats.map((chat) => (
              <ChatRow key={chat.id} chat={chat} folders={folders} tags={tags} />
            ))}
          </ul>
        </section>
      ))}
      {!isPending && chats.length === 0 && <p className="sidebar__note soft">{strings.sidebar.empty}</p>}
      {hasNextPage && (
        <Button kind="quiet" onClick={() => void fetchNextPage()}>
          {strings.sidebar.loadMore}
        </Button>
      )}
    </>
  );
}
