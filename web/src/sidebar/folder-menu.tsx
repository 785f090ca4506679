import type { Chat } from '@corral/app/contracts/chats';
import { Ellipsis, FolderX } from 'lucide-react';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys } from '../api/queries.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { Menu } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';
import { emptyFolders } from './empty-folders.ts';

export function FolderMenu({ name, chats }: { name: string; chats: readonly Chat[] }) {
  const dissolve = (): void =>
    attempt(async () => {
      emptyFolders.write(emptyFolders.read().filter((other) => other !== name));
      for (const chat of chats) await chatsApi.update(chat.id, { folder: null });
      invalidate(keys.chats);
    });
  return (
    <Menu
      align="end"
      trigger={
        <IconButton label={strings.sidebar.openMenu(name)} className="chat-row__menu">
          <Ellipsis />
        </IconButton>
      }
      items={[{ label: strings.sidebar.deleteFolder, icon: <FolderX />, onSelect: dissolve }]}
    />
  );
}
