import { ArrowLeft, Undo2, X } from 'lucide-react';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys, useTrash } from '../api/queries.ts';
import { goTo } from '../state/route.ts';
import { findSession } from '../state/sessions.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { IconButton } from '../ui/icon-button.tsx';
import { attempt } from '../ui/problems.ts';
import { exactTime, timeAgo } from '../ui/times.ts';

/** What was deleted or cleared and can come back. */
export function TrashList({ onClose }: { onClose: () => void }) {
  const { data } = useTrash(true);
  const entries = data?.entries ?? [];
  const restore = (id: string): void =>
    attempt(async () => {
      const chat = await chatsApi.restore(id);
      invalidate(keys.trash, keys.chats);
      void findSession(chat.id)?.load();
      goTo({ view: 'chat', chatId: chat.id });
      onClose();
    });
  const purge = (id: string): void =>
    attempt(async () => {
      await chatsApi.purge(id);
      invalidate(keys.trash);
    });
  return (
    <section aria-label={strings.sidebar.trash}>
      <Button kind="quiet" onClick={onClose}>
        <ArrowLeft size={16} aria-hidden />
        {strings.sidebar.backToChats}
      </Button>
      <p className="sidebar__note small soft">
        {entries.length === 0 ? strings.sidebar.trashEmpty : strings.sidebar.trashNote}
      </p>
      <ul>
        {entries.map((entry) => (
          <li key={entry.id} className="trash-row">
            <span className="trash-row__text">
              <span className="truncate" dir="auto">
                {entry.title || strings.sidebar.untitled}
              </span>
              <span className="small soft" title={exactTime(entry.trashedAt)}>
                {strings.sidebar.trashKinds[entry.kind](entry.messageCount)} · {timeAgo(entry.trashedAt)}
              </span>
            </span>
            <IconButton label={strings.sidebar.restore} onClick={() => restore(entry.id)}>
              <Undo2 />
            </IconButton>
            <IconButton label={strings.sidebar.deleteForGood} onClick={() => purge(entry.id)}>
              <X />
            </IconButton>
          </li>
        ))}
      </ul>
    </section>
  );
}
