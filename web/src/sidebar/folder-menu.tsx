import { Ellipsis, FolderX } from 'lucide-react';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys } from '../api/queries.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { Menu } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';
import { emptyFolders } from './empty-folders.ts';

/** All chats of a folder, not only those that the list has fetched. */
async function emptyFolder(name: string): Promise<void> {
  for (;;) {
    const { chats } = await chatsApi.list({ folder: name, limit: 200 });
    if (chats.length === 0) return;
    for (const chat of chats) await chatsApi.update(chat.id, { folder: null });
  }
}

export function FolderMenu({ name }: { name: string }) {
  const dissolve = (): void =>
    attempt(async () => {
      emptyFolders.set((names) => names.filter((other) => other !== name));
      await emptyFolder(name).finally(() => invalidate(keys.chats));
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
