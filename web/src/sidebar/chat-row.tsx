import { memo, useState } from 'react';
import type { Chat } from '@corral/app/contracts/chats';
import { Ellipsis, Ghost, Pin } from 'lucide-react';
import { deleteChat } from '../state/actions.ts';
import { activity } from '../state/activity.ts';
import { closeDrawer } from '../state/layout.ts';
import { currentRoute, hashOf } from '../state/route.ts';
import { useSelected } from '../state/store.ts';
import { strings } from '../strings.ts';
import { fieldKeys } from '../ui/field-keys.ts';
import { focusAtEnd, focusAtMount } from '../ui/focus-at-mount.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { Menu } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';
import { exactTime } from '../ui/times.ts';
import { addTag, chatMenu, updateChat } from './chat-menu.tsx';
import { endRowEdit, rowEdit, type RowEdit } from './row-edit.ts';

/** As long as the server takes it. */
const maxTagCharacters = 60;

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

/** One line in the place of the row; Enter and leaving it save, Escape does not. */
function RowField({ label, value, maxLength, onDone }: RowFieldProps) {
  const [text] = useState(() => rowEdit.get()?.text ?? value);
  const [focus] = useState(() => (text === value ? focusAtMount : focusAtEnd));
  return (
    <input
      className="field chat-row__field"
      aria-label={label}
      placeholder={label}
      defaultValue={text}
      maxLength={maxLength}
      ref={focus}
      onChange={({ target }) => rowEdit.set((edit) => edit && { ...edit, text: target.value })}
      {...fieldKeys({ onEnter: (text) => onDone(text), onEscape: () => onDone('') })}
      onBlur={(event) => onDone(event.currentTarget.value.trim())}
    />
  );
}

interface RowFieldProps {
  label: string;
  value: string;
  maxLength: number;
  /** Empty where nothing is to change. */
  onDone: (value: string) => void;
}

function Editor({ chat, what }: { chat: Chat; what: RowEdit['what'] }) {
  const saveTitle = (title: string): void => {
    endRowEdit();
    if (title !== '' && title !== chat.title) attempt(() => updateChat(chat, { title }));
  };
  const saveTag = (tag: string): void => {
    endRowEdit();
    if (tag !== '' && !chat.tags.includes(tag)) addTag(chat, tag);
  };
  return (
    <li className="chat-row">
      {what === 'title' ? (
        <RowField label={strings.sidebar.title} value={chat.title} maxLength={300} onDone={saveTitle} />
      ) : (
        <RowField label={strings.sidebar.tagName} value="" maxLength={maxTagCharacters} onDone={saveTag} />
      )}
    </li>
  );
}

export interface ChatRowProps {
  chat: Chat;
  folders: readonly string[];
  tags: readonly string[];
}

export const ChatRow = memo(function ChatRow({ chat, folders, tags }: ChatRowProps) {
  const edited = useSelected(rowEdit, (edit) => (edit?.chatId === chat.id ? edit.what : null));
  const isCurrent = useSelected(currentRoute, (route) => route.view === 'chat' && route.chatId === chat.id);
  const title = chat.title || strings.sidebar.untitled;
  if (edited) return <Editor chat={chat} what={edited} />;
  const edit = (what: RowEdit['what']): void =>
    rowEdit.set({ chatId: chat.id, what, text: what === 'title' ? chat.title : '' });
  // The menu gives the focus back when it closes; the field takes it after that.
  const editLater = (what: RowEdit['what']): void => void setTimeout(() => edit(what), 50);
  return (
    <li className="chat-row" data-current={isCurrent || undefined}>
      <a
        className="chat-row__link"
        href={hashOf({ view: 'chat', chatId: chat.id })}
        aria-current={isCurrent ? 'page' : undefined}
        title={exactTime(chat.updatedAt)}
        onClick={closeDrawer}
        onDoubleClick={(event) => {
          event.preventDefault();
          edit('title');
        }}
        onKeyDown={(event) => {
          if (event.key === 'F2') edit('title');
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
        items={() =>
          chatMenu(chat, {
            folders,
            tags,
            onRename: () => editLater('title'),
            onNewTag: () => editLater('tag'),
          })
        }
      />
    </li>
  );
});
