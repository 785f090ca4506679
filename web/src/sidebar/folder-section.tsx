import { useState } from 'react';
import type { Chat } from '@corral/app/contracts/chats';
import { ChevronDown, Folder } from 'lucide-react';
import { strings } from '../strings.ts';
import { remembered } from '../ui/browser.ts';
import { Button } from '../ui/button.tsx';
import { ChatRow } from './chat-row.tsx';
import { FolderMenu } from './folder-menu.tsx';
import { useFolderChats } from './use-chats.ts';

export interface FolderSectionProps {
  name: string;
  /** Those that the list of all has come to. */
  chats: readonly Chat[];
  /** How many there are. */
  chatCount: number;
  folders: readonly string[];
  tags: readonly string[];
}

function FolderChats({ name, chats, chatCount, folders, tags }: FolderSectionProps) {
  const isPart = chats.length < chatCount;
  const { data, isLoadingError, refetch, hasNextPage, fetchNextPage } = useFolderChats(name, isPart);
  const shown = isPart && data ? data.pages.flatMap((page) => page.chats) : chats;
  return (
    <>
      <ul className="folder__chats">
        {shown.map((chat) => (
          <ChatRow key={chat.id} chat={chat} folders={folders} tags={tags} />
        ))}
      </ul>
      {isPart && isLoadingError && (
        <Button kind="quiet" onClick={() => void refetch()}>
          {strings.retry}
        </Button>
      )}
      {isPart && hasNextPage && (
        <Button kind="quiet" onClick={() => void fetchNextPage()}>
          {strings.sidebar.loadMore}
        </Button>
      )}
    </>
  );
}

export function FolderSection(props: FolderSectionProps) {
  const { name, chats, chatCount } = props;
  // One of which chats are missing has to be asked for, again at each change of any chat: only if somebody wants it.
  const [isOpen, setOpen] = useState(() => remembered.read(`folder.${name}`, chats.length >= chatCount));
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
          <span className="small soft figures">{chatCount}</span>
        </button>
        <FolderMenu name={name} />
      </div>
      {isOpen && <FolderChats {...props} />}
    </section>
  );
}
