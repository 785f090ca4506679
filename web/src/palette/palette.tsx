import { useState } from 'react';
import { Command, defaultFilter } from 'cmdk';
import { openLensOfLast } from '../lens/open-lens.tsx';
import { useChats } from '../sidebar/use-chats.ts';
import { maxSearchCharacters, useSearch } from '../sidebar/use-search.ts';
import { goTo } from '../state/route.ts';
import { strings } from '../strings.ts';
import { commandStrings } from '../strings-commands.ts';
import { viewStrings } from '../strings-views.ts';
import { Dialog } from '../ui/dialog.tsx';
import { shortcuts, shortcutText, type ShortcutName } from './shortcuts.ts';
import { shortcutActions } from './use-shortcuts.ts';

const left = new Set<ShortcutName>(['palette', 'focus', 'stop']);

/** The server finds whole words and beginnings of them: with one letter it would find everything. */
const searchedFrom = 2;

interface ChatItem {
  id: string;
  title: string;
  /** By the server for just these letters: it knows better than they do whether it is meant. */
  isFound: boolean;
}

/** The chats of the list, as far as it has come here, and older ones with such a title. */
function useChatItems(text: string): { chats: ChatItem[]; isSearching: boolean; problem: string | null } {
  const listed = (useChats().data?.pages.flatMap((page) => page.chats) ?? []).slice(0, 200);
  const { data, isFetching, isLoadingError, error } = useSearch(text, searchedFrom);
  const known = new Set(listed.map(({ id }) => id));
  const hits = text.length < searchedFrom ? [] : (data?.hits ?? []);
  const found = hits.filter(({ chatId, messageId }) => messageId === null && !known.has(chatId));
  return {
    chats: [
      ...listed.map(({ id, title }) => ({ id, title, isFound: false })),
      ...found.map(({ chatId, title }) => ({ id: chatId, title, isFound: data?.query === text })),
    ],
    isSearching: isFetching || (text.length >= searchedFrom && !isLoadingError && data?.query !== text),
    problem: isLoadingError ? error.message : null,
  };
}

/** Marks what the server found for cmdk, which hides what the typed letters are not in. */
const foundWords = ['found'];

function scoreOf(value: string, search: string, keywords: readonly string[] = []): number {
  return Math.max(defaultFilter(value, search), keywords.length > 0 ? 0.1 : 0);
}

interface GroupProps {
  /** Closes the palette, then does it. */
  run: (work: () => unknown) => void;
}

function Actions({ run }: GroupProps) {
  const names = (Object.keys(shortcuts) as ShortcutName[]).filter((name) => !left.has(name));
  return (
    <Command.Group heading={viewStrings.palette.actions}>
      {names.map((name) => (
        <Command.Item key={name} value={commandStrings[name]} onSelect={() => run(shortcutActions[name])}>
          {commandStrings[name]}
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
  );
}

function Chats({ chats, run }: GroupProps & { chats: readonly ChatItem[] }) {
  return (
    <Command.Group heading={viewStrings.palette.chats}>
      {chats.map(({ id, title, isFound }) => (
        <Command.Item
          // Anew where that changes: of an item that is there cmdk hears only its value.
          key={`${id} ${isFound}`}
          value={`${title} ${id}`}
          {...(isFound ? { keywords: foundWords } : {})}
          onSelect={() => run(() => goTo({ view: 'chat', chatId: id }))}
        >
          <span className="truncate">{title || strings.sidebar.untitled}</span>
        </Command.Item>
      ))}
    </Command.Group>
  );
}

/** Whether there is such a chat nobody knows. */
function NotSearched({ why }: { why: string }) {
  return (
    <p className="problem" role="alert">
      {why}
    </p>
  );
}

/** Every command and every chat, by a few typed letters. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const { chats, isSearching, problem } = useChatItems(text.trim());
  const run = (work: () => unknown): void => {
    onClose();
    setTimeout(work, 60);
  };
  return (
    <Dialog title={viewStrings.palette.title} kind="small" isHeadless onClose={onClose}>
      <Command label={viewStrings.palette.title} className="palette" filter={scoreOf} loop>
        <Command.Input
          className="palette__field"
          placeholder={viewStrings.palette.placeholder}
          aria-label={viewStrings.palette.placeholder}
          maxLength={maxSearchCharacters}
          onValueChange={setText}
        />
        <Command.List className="palette__list" tabIndex={0}>
          {!isSearching && (
            <Command.Empty className="soft palette__none">
              {problem === null ? viewStrings.palette.none : <NotSearched why={problem} />}
            </Command.Empty>
          )}
          <Actions run={run} />
          <Chats chats={chats} run={run} />
        </Command.List>
      </Command>
    </Dialog>
  );
}
