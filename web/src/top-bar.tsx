import { Columns2, Ghost, PanelLeftOpen, Search, SlidersHorizontal, SquarePen } from 'lucide-react';
import { ModelPicker } from './panel/model-picker.tsx';
import { shortcutText } from './palette/shortcuts.ts';
import { startNewChat } from './state/actions.ts';
import { layout, setPanel, setSidebar } from './state/layout.ts';
import { toggleTemporary, useNewChat } from './state/new-chat.ts';
import { closeFind, findState, openFind, openView } from './state/overlays.ts';
import { currentRoute } from './state/route.ts';
import { useStore } from './state/store.ts';
import { strings } from './strings.ts';
import { viewStrings } from './strings-views.ts';
import { IconButton } from './ui/icon-button.tsx';

export function TopBar() {
  const { isSidebarOpen, isPanelOpen } = useStore(layout);
  const route = useStore(currentRoute);
  const { isTemporary } = useNewChat();
  const isChat = route.view === 'chat';
  return (
    <header className="top-bar">
      {!isSidebarOpen && (
        <>
          <IconButton
            label={strings.shell.toggleSidebar}
            shortcut={shortcutText('sidebar')}
            onClick={() => setSidebar(true)}
          >
            <PanelLeftOpen />
          </IconButton>
          <IconButton
            label={strings.shell.newChat}
            shortcut={shortcutText('newChat')}
            onClick={() => startNewChat()}
          >
            <SquarePen />
          </IconButton>
        </>
      )}
      <ModelPicker />
      <span className="top-bar__space" />
      {route.view === 'new' && (
        <IconButton label={strings.sidebar.temporary} isPressed={isTemporary} onClick={toggleTemporary}>
          <Ghost />
        </IconButton>
      )}
      {isChat && (
        <IconButton
          label={strings.transcript.find}
          shortcut={shortcutText('find')}
          onClick={() => (findState.get().isOpen ? closeFind() : openFind())}
        >
          <Search />
        </IconButton>
      )}
      <IconButton label={viewStrings.compare.title} onClick={() => openView({ kind: 'compare' })}>
        <Columns2 />
      </IconButton>
      <IconButton
        label={strings.shell.togglePanel}
        shortcut={shortcutText('panel')}
        isPressed={isPanelOpen}
        data-panel-toggle
        onClick={() => setPanel(!isPanelOpen)}
      >
        <SlidersHorizontal />
      </IconButton>
    </header>
  );
}
