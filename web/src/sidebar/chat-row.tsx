import { memo, useState } from 'react';
import type { Chat } from '@corral/app/contracts/chats';
import { Copy, Download, Ellipsis, Folder, Ghost, Pencil, Pin, PinOff, Trash2 } from 'lucide-react';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys } from '../api/queries.ts';
import { deleteChat } from '../state/actions.ts';
import { activity } from '../state/activity.ts';
import { closeDrawer } from '../state/layout.ts';
import { currentRoute, goTo } from '../state/route.ts';
import { findSession } from '../state/sessions.ts';
import { useSelected } from '../state/store.ts';
import { strings } from '../strings.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { Menu, type MenuEntry } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';
import { exactTime } from '../ui/times.ts';

async function update(chat: Chat, change: Parameters<typeof chatsApi.update>[1]): Promise<void> {
  const session = findSession(chat.id);
  if (session?.state.get().status === 'ready') await session.update(change);
  else await chatsApi.update(chat.id, change);
  invalidate(keys.chats);
}

export function exportAddress(chatId: string, format: 'markdown' | 'json'): string {
  return `/api/chats/${chatId}/export?format=${format}`;
}

export function download(address: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  link.click();
}

function menuItems(chat: Chat, folders: readonly string[], onRename: () => void): MenuEntry[] {
  const move = (folder: string | null): void => attempt(() => update(chat, { folder }));
  return [
    { label: strings.sidebar.rename, icon: <Pencil />, onSelect: onRename },
    {
      label: chat.pinned ? strings.sidebar.unpin : strings.sidebar.pin,
      icon: chat.pinned ? <PinOff /> : <Pin />,
      onSelect: () => attempt(() => update(chat, { pinned: !chat.pinned })),
    },
    ...(folders.length > 0
      ? [
          {
            label: strings.sidebar.moveTo,
            icon: <Folder />,
            items: [
              ...folders.map((name) => ({
                label: name,
                isChecked: chat.folder === name,
                onSelect: () => move(name),
              })),
              'line' as const,
              {
                label: strings.sidebar.noFolder,
                isChecked: chat.folder === null,
                onSelect: () => move(null),
              },
            ],
          },
        ]
      : []),
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
      onSelect: () => download(exportAddress(chat.id, 'markdown')),
    },
    {
      label: strings.sidebar.exportJson,
      icon: <Download />,
      onSelect: () => download(exportAddress(chat.id, 'json')),
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

function Marks({ chat }: { chat: Chat }) {
  const isRunning = useSelected(activity, (state) => state.running.has(chat.id));
  const isUnread = useSelected(activity, (state) => state.unread.has(chat.id));
  return (
    <>
      {chat.temporary && (
        <span className="chat-row__icon" data-tip={strings.sidebar.temporary}>
          <Ghost size={14} strokeWidth={1.75} aria-label={strings.sidebar.temporary} />
        </span>
      )}
      {isRunning && <span className="dot dot--running" role="img" aria-label={strings.sidebar.running} />}
      {!isRunning && isUnread && <span className="dot" role="img" aria-label={strings.sidebar.unread} />}
    </>
  );
}

function TitleField({ chat, onDone }: { chat: Chat; onDone: () => void }) {
  const save = (value: string): void => {
    onDone();
    const title = value.trim();
    if (title !== '' && title !== chat.title) attempt(() => update(chat, { title }));
  };
  return (
    <input
      className="field chat-row__field"
      aria-label={strings.sidebar.title}
      defaultValue={chat.title}
      maxLength={300}
      ref={(element) => {
        if (element && document.activeElement !== element) {
          element.focus();
          element.select();
        }
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') save(event.currentTarget.value);
        if (event.key === 'Escape') onDone();
      }}
      onBlur={(event) => save(event.currentTarget.value)}
    />
  );
}

export const ChatRow = memo(function ChatRow({ chat, folders }: { chat: Chat; folders: readonly string[] }) {
  const [isRenaming, setRenaming] = useState(false);
  const isCurrent = useSelected(currentRoute, (route) => route.view === 'chat' && route.chatId === chat.id);
  const title = chat.title || strings.sidebar.untitled;
  if (isRenaming)
    return (
      <li className="chat-row">
        <TitleField chat={chat} onDone={() => setRenaming(false)} />
      </li>
    );
  return (
    <li className="chat-row" data-current={isCurrent || undefined}>
      <a
        className="chat-row__link"
        href={`#/c/${chat.id}`}
        aria-current={isCurrent ? 'page' : undefined}
        title={exactTime(chat.updatedAt)}
        onClick={closeDrawer}
        onDoubleClick={(event) => {
          event.preventDefault();
          setRenaming(true);
        }}
        onKeyDown={(event) => {
          if (event.key === 'F2') setRenaming(true);
          if (event.key === 'Delete') deleteChat(chat.id, chat.title);
        }}
      >
        {chat.pinned && <Pin size={13} strokeWidth={1.75} aria-hidden className="chat-row__icon" />}
        <span className="truncate" dir="auto">
          {title}
        </span>
        <Marks chat={chat} />
      </a>
      <Menu
        align="end"
        trigger={
          <IconButton label={strings.sidebar.openMenu(title)} className="chat-row__menu">
            <Ellipsis />
          </IconButton>
        }
        items={menuItems(chat, folders, () => setTimeout(() => setRenaming(true), 50))}
      />
    </li>
  );
});
