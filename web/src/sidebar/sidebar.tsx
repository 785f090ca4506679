import { useState } from 'react';
import { Boxes, FolderPlus, MessageCirclePlus, PanelLeftClose, Settings, Trash2 } from 'lucide-react';
import { useSystem } from '../api/queries.ts';
import { startNewChat } from '../state/actions.ts';
import { closeDrawer, setSidebar } from '../state/layout.ts';
import { currentRoute, goTo, hashOf, type Route } from '../state/route.ts';
import { useStore } from '../state/store.ts';
import { shortcutText } from '../palette/shortcuts.ts';
import { strings } from '../strings.ts';
import { fieldKeys } from '../ui/field-keys.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { Mark } from '../ui/mark.tsx';
import { ChatList } from './chat-list.tsx';
import { later } from '../ui/later.tsx';
import { maxSearchCharacters } from './use-search.ts';

const SearchResults = later(() => import('./search-results.tsx').then((module) => module.SearchResults));
const TrashList = later(() => import('./trash-list.tsx').then((module) => module.TrashList));

function Link({ to, isCurrent, children }: { to: Route; isCurrent: boolean; children: React.ReactNode }) {
  return (
    <a
      className="sidebar__link"
      href={hashOf(to)}
      aria-current={isCurrent ? 'page' : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        goTo(to);
        closeDrawer();
      }}
    >
      {children}
    </a>
  );
}

function Head() {
  const title = useSystem().data?.title ?? strings.product;
  return (
    <header className="sidebar__head">
      <span className="brand">
        <Mark size={22} />
        <span className="brand__name truncate">{title}</span>
      </span>
      <IconButton
        label={strings.shell.toggleSidebar}
        shortcut={shortcutText('sidebar')}
        onClick={() => setSidebar(false)}
      >
        <PanelLeftClose />
      </IconButton>
    </header>
  );
}

function Tools({ onNewFolder }: { onNewFolder: () => void }) {
  return (
    <div className="sidebar__tools">
      <button
        type="button"
        className="sidebar__new"
        data-tip={`${strings.shell.newChat}\n${shortcutText('newChat')}`}
        onClick={() => {
          startNewChat();
          closeDrawer();
        }}
      >
        <MessageCirclePlus aria-hidden />
        {strings.shell.newChat}
      </button>
      <IconButton label={strings.sidebar.newFolder} onClick={onNewFolder}>
        <FolderPlus />
      </IconButton>
    </div>
  );
}

function Foot({ isTrashOpen, onTrash }: { isTrashOpen: boolean; onTrash: () => void }) {
  const { view } = useStore(currentRoute);
  return (
    <footer className="sidebar__foot">
      <Link to={{ view: 'models' }} isCurrent={view === 'models'}>
        <Boxes aria-hidden />
        {strings.sidebar.models}
      </Link>
      <Link to={{ view: 'settings', section: 'appearance' }} isCurrent={view === 'settings'}>
        <Settings aria-hidden />
        {strings.sidebar.settings}
      </Link>
      <IconButton label={strings.sidebar.trash} isPressed={isTrashOpen} onClick={onTrash}>
        <Trash2 />
      </IconButton>
    </footer>
  );
}

export function Sidebar() {
  const [query, setQuery] = useState('');
  const [isTrashOpen, setTrashOpen] = useState(false);
  const [isMakingFolder, setMakingFolder] = useState(false);
  const isSearching = query.trim() !== '';
  const isTrashShown = isTrashOpen && !isSearching;
  // What was asked for last is shown: what was found, the trash or the chats.
  const makeFolder = (): void => {
    setQuery('');
    setTrashOpen(false);
    setMakingFolder(true);
  };
  const toggleTrash = (): void => {
    setQuery('');
    setTrashOpen(!isTrashShown);
  };
  return (
    <nav className="sidebar" aria-label={strings.shell.sidebar}>
      <Head />
      <div className="woven sidebar__woven" />
      <Tools onNewFolder={makeFolder} />
      <input
        type="search"
        className="field sidebar__search"
        placeholder={strings.sidebar.search}
        aria-label={strings.sidebar.searchAll}
        maxLength={maxSearchCharacters}
        value={query}
        onChange={(event) => setQuery(event.target.value)}
        {...fieldKeys({ onEscape: () => setQuery('') })}
      />
      <div className="sidebar__list">
        {isSearching ? (
          <SearchResults query={query.trim()} />
        ) : isTrashShown ? (
          <TrashList onClose={() => setTrashOpen(false)} />
        ) : (
          <ChatList isMakingFolder={isMakingFolder} onFolderMade={() => setMakingFolder(false)} />
        )}
      </div>
      <Foot isTrashOpen={isTrashShown} onTrash={toggleTrash} />
    </nav>
  );
}
