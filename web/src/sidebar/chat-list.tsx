import { useMemo, useState } from 'react';
import type { Chat } from '@corral/app/contracts/chats';
import { strings } from '../strings.ts';
import { clock, midnightOf } from '../state/clock.ts';
import { useSelected, useStore } from '../state/store.ts';
import { Button } from '../ui/button.tsx';
import { fieldKeys } from '../ui/field-keys.ts';
import { focusAtMount } from '../ui/focus-at-mount.ts';
import { timeGroup, type TimeGroup } from '../ui/times.ts';
import { ChatRow } from './chat-row.tsx';
import { emptyFolders } from './empty-folders.ts';
import { FolderSection } from './folder-section.tsx';
import { TagFilter } from './tag-filter.tsx';
import { useChats, type Listed } from './use-chats.ts';

const noCounts: Listed['tags'] = [];

interface Group {
  key: string;
  title: string;
  chats: Chat[];
}

const timeGroups: readonly TimeGroup[] = ['today', 'yesterday', 'week', 'month', 'older'];

/** Pinned first, then by when something was last said; chats in folders are listed there. */
function groupChats(chats: readonly Chat[], midnight: number): Group[] {
  const loose = chats.filter((chat) => chat.folder === null);
  const groups: Group[] = [
    { key: 'pinned', title: strings.sidebar.pinned, chats: loose.filter((chat) => chat.pinned) },
    ...timeGroups.map((group) => ({
      key: group,
      title: strings.sidebar.groups[group],
      chats: loose.filter((chat) => !chat.pinned && timeGroup(chat.updatedAt, midnight) === group),
    })),
  ];
  return groups.filter((group) => group.chats.length > 0);
}

interface TimeGroupsProps {
  chats: readonly Chat[];
  folders: readonly string[];
  tags: readonly string[];
}

function TimeGroups({ chats, folders, tags }: TimeGroupsProps) {
  const midnight = useSelected(clock, midnightOf);
  const groups = useMemo(() => groupChats(chats, midnight), [chats, midnight]);
  return groups.map((group) => (
    <section key={group.key} className="chat-group" aria-label={group.title}>
      <h2 className="chat-group__title">{group.title}</h2>
      <ul>
        {group.chats.map((chat) => (
          <ChatRow key={chat.id} chat={chat} folders={folders} tags={tags} />
        ))}
      </ul>
    </section>
  ));
}

interface CountedFolder {
  name: string;
  chats: Chat[];
  chatCount: number;
}

/** Every folder: one whose chats are all further back than the list has come, and one made by hand and still empty. */
function foldersOf(
  chats: readonly Chat[],
  counted: Listed['folders'],
  made: readonly string[],
): CountedFolder[] {
  const counts = new Map(counted.map(({ name, chatCount }) => [name, chatCount]));
  return [...new Set([...counts.keys(), ...made])]
    .sort((left, right) => left.localeCompare(right))
    .map((name) => ({
      name,
      chats: chats.filter((chat) => chat.folder === name),
      chatCount: counts.get(name) ?? 0,
    }));
}

/** With a tag chosen: where one of its chats is, with the number of those. */
function withTag(folders: readonly CountedFolder[]): CountedFolder[] {
  return folders
    .filter(({ chats }) => chats.length > 0)
    .map((folder) => ({ ...folder, chatCount: folder.chats.length }));
}

/** The folders to be listed, and the names of all to move chats into. */
function useFolders(chats: readonly Chat[], first: Listed | undefined, tag: string | null) {
  const made = useStore(emptyFolders);
  const folders = useMemo(() => foldersOf(chats, first?.folders ?? noCounts, made), [chats, first, made]);
  const names = useMemo(() => folders.map(({ name }) => name), [folders]);
  const make = (name: string): void => {
    if (name !== '' && !names.includes(name)) emptyFolders.set([...made, name]);
  };
  return { folders: tag === null ? folders : withTag(folders), names, make };
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
  const chats = useMemo(() => data?.pages.flatMap((page) => page.chats) ?? [], [data]);
  const first = data?.pages[0];
  const { folders, names, make } = useFolders(chats, first, tag);
  const counted = first?.tags ?? noCounts;
  const tags = useMemo(() => counted.map(({ name }) => name), [counted]);
  // The last chat lost the tag that was chosen.
  if (tag !== null && data && !tags.includes(tag)) setTag(null);
  const makeFolder = (name: string): void => {
    onFolderMade();
    make(name);
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
      {folders.map((folder) => (
        <FolderSection key={folder.name} {...folder} folders={names} tags={tags} />
      ))}
      <TimeGroups chats={chats} folders={names} tags={tags} />
      {!isPending && chats.length === 0 && <p className="sidebar__note soft">{strings.sidebar.empty}</p>}
      {hasNextPage && (
        <Button kind="quiet" onClick={() => void fetchNextPage()}>
          {strings.sidebar.loadMore}
        </Button>
      )}
    </>
  );
}
