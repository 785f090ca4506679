import { Command } from 'cmdk';
import { openLensOfLast } from '../lens/open-lens.tsx';
import { useChats } from '../sidebar/use-chats.ts';
import { goTo } from '../state/route.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Dialog } from '../ui/dialog.tsx';
import { shortcuts, shortcutText, type ShortcutName } from './shortcuts.ts';
import { shortcutActions } from './use-shortcuts.ts';

const left = new Set<ShortcutName>(['palette', 'focus', 'stop']);

/** Every command and every chat, by a few typed letters. */
export function Palette({ onClose }: { onClose: () => void }) {
  const chats = useChats().data?.pages.flatMap((page) => page.chats) ?? [];
  const run = (work: () => unknown): void => {
    onClose();
    setTimeout(work, 60);
  };
  const names = (Object.keys(shortcuts) as ShortcutName[]).filter((name) => !left.has(name));
  return (
    <Dialog title={viewStrings.palette.title} kind="small" isHeadless onClose={onClose}>
      <Command label={viewStrings.palette.title} className="palette" loop>
        <Command.Input
          className="palette__field"
          placeholder={viewStrings.palette.placeholder}
          aria-label={viewStrings.palette.placeholder}
        />
        <Command.List className="palette__list" tabIndex={0}>
          <Command.Empty className="soft palette__none">{viewStrings.palette.none}</Command.Empty>
          <Command.Group heading={viewStrings.palette.actions}>
            {names.map((name) => (
              <Command.Item
                key={name}
                value={shortcuts[name].label}
                onSelect={() => run(shortcutActions[name])}
              >
                {shortcuts[name].label}
                <kbd>{shortcutText(name)}</kbd>
              </Command.Item>
            ))}
            <Command.Item value={viewStrings.lens.ofLast} onSelect={() => run(openLensOfLast)}>
              {viewStrings.lens.ofLast}
            </Command.Item>
            <Command.Item value={strings.sidebar.models} onSelect={() => run(() => goTo({ view: 'models' }))}>
              {strings.sidebar.models}
            </Command.Item>
          </Command.Group>
          <Command.Group heading={viewStrings.palette.chats}>
            {chats.slice(0, 200).map((chat) => (
              <Command.Item
                key={chat.id}
                value={`${chat.title} ${chat.id}`}
                onSelect={() => run(() => goTo({ view: 'chat', chatId: chat.id }))}
              >
                <span className="truncate">{chat.title || strings.sidebar.untitled}</span>
              </Command.Item>
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </Dialog>
  );
}
