import type { Chat } from '@corral/app/contracts/chats';
import { Copy, Download, Folder, Pencil, Pin, PinOff, Tag, Trash2 } from 'lucide-react';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys } from '../api/queries.ts';
import { deleteChat } from '../state/actions.ts';
import { goTo } from '../state/route.ts';
import { findSession } from '../state/sessions.ts';
import { strings } from '../strings.ts';
import { exportItems } from '../ui/export-files.ts';
import type { MenuEntry } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';

export async function updateChat(chat: Chat, change: Parameters<typeof chatsApi.update>[1]): Promise<void> {
  const session = findSession(chat.id);
  if (session?.state.get().status === 'ready') await session.update(change);
  else await chatsApi.update(chat.id, change);
  invalidate(keys.chats);
}

export function addTag(chat: Chat, tag: string): void {
  attempt(() => updateChat(chat, { tags: [...chat.tags, tag] }));
}

function folderItems(chat: Chat, folders: readonly string[]): MenuEntry[] {
  if (folders.length === 0) return [];
  const item = (label: string, folder: string | null): MenuEntry => ({
    label,
    isChecked: chat.folder === folder,
    onSelect: () => attempt(() => updateChat(chat, { folder })),
  });
  return [
    {
      label: strings.sidebar.moveTo,
      icon: <Folder />,
      items: [...folders.map((name) => item(name, name)), 'line', item(strings.sidebar.noFolder, null)],
    },
  ];
}

function tagItems(chat: Chat, tags: readonly string[], onNewTag: () => void): MenuEntry {
  const toggle = (name: string): void => {
    if (!chat.tags.includes(name)) addTag(chat, name);
    else attempt(() => updateChat(chat, { tags: chat.tags.filter((tag) => tag !== name) }));
  };
  const known: MenuEntry[] = tags.map((name) => ({
    label: name,
    isChecked: chat.tags.includes(name),
    onSelect: () => toggle(name),
  }));
  return {
    label: strings.sidebar.tags,
    icon: <Tag />,
    items: [
      ...known,
      ...(known.length > 0 ? ['line' as const] : []),
      { label: strings.sidebar.newTag, onSelect: onNewTag },
    ],
  };
}

export interface ChatMenuOptions {
  folders: readonly string[];
  tags: readonly string[];
  onRename: () => void;
  onNewTag: () => void;
}

export function chatMenu(chat: Chat, { folders, tags, onRename, onNewTag }: ChatMenuOptions): MenuEntry[] {
  return [
    { label: strings.sidebar.rename, icon: <Pencil />, onSelect: onRename },
    {
      label: chat.pinned ? strings.sidebar.unpin : strings.sidebar.pin,
      icon: chat.pinned ? <PinOff /> : <Pin />,
      onSelect: () => attempt(() => updateChat(chat, { pinned: !chat.pinned })),
    },
    ...folderItems(chat, folders),
    tagItems(chat, tags, onNewTag),
    {
      label: strings.sidebar.duplicate,
      icon: <Copy />,
      onSelect: () =>
        attempt(async () => {
          const copy = await chatsApi.duplicate(chat.id);
          invalidate(keys.chats);
          goTo({ view: 'chat', chatId: copy.id });
        }),
    },
    'line',
    {
      label: strings.sidebar.exportAs,
      icon: <Download />,
      items: exportItems(`/api/chats/${chat.id}/export`),
    },
    'line',
    {
      label: strings.remove,
      icon: <Trash2 />,
      isDangerous: true,
      onSelect: () => deleteChat(chat.id, chat.title),
    },
  ];
}
