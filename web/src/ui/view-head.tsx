import { ArrowLeft, PanelLeftOpen } from 'lucide-react';
import { layout, setSidebar } from '../state/layout.ts';
import { leavePlace } from '../state/history.ts';
import { goTo } from '../state/route.ts';
import { useStore } from '../state/store.ts';
import { strings } from '../strings.ts';
import { IconButton } from './icon-button.tsx';

/** The head of a view that is no chat. */
export function ViewHead({ title }: { title: string }) {
  const { isSidebarOpen } = useStore(layout);
  return (
    <header className="view__head">
      {!isSidebarOpen && (
        <IconButton label={strings.shell.toggleSidebar} onClick={() => setSidebar(true)}>
          <PanelLeftOpen />
        </IconButton>
      )}
      <IconButton label={strings.shell.back} onClick={() => leavePlace() || goTo({ view: 'new' }, true)}>
        <ArrowLeft />
      </IconButton>
      <h1>{title}</h1>
    </header>
  );
}
