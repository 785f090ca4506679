import { lazy, Suspense } from 'react';
import { Banners } from './banners.tsx';
import { ChatView, NewChatView } from './chat-view.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { overlay, closeView } from './state/overlays.ts';
import { layout, setPanel, setSidebar, useIsPanelSheet, useIsSidebarDrawer } from './state/layout.ts';
import { currentRoute } from './state/route.ts';
import { findSession } from './state/sessions.ts';
import { createStore, useStore } from './state/store.ts';
import type { ChatState } from './state/chat-session.ts';
import { useShortcuts } from './palette/use-shortcuts.ts';
import { Sidebar } from './sidebar/sidebar.tsx';
import { SignIn } from './sign-in.tsx';
import { strings } from './strings.ts';
import { TopBar } from './top-bar.tsx';
import { Dialog } from './ui/dialog.tsx';
import { Toasts } from './ui/toasts.tsx';
import { TooltipLayer } from './ui/tooltip-layer.tsx';
import { useDocumentTitle } from './use-document-title.ts';

const Panel = lazy(() => import('./panel/panel.tsx').then((module) => ({ default: module.Panel })));
const ModelsView = lazy(() =>
  import('./models/models-view.tsx').then((module) => ({ default: module.ModelsView })),
);
const SettingsView = lazy(() =>
  import('./settings/settings-view.tsx').then((module) => ({ default: module.SettingsView })),
);
const Overlays = lazy(() => import('./overlays.tsx').then((module) => ({ default: module.Overlays })));

const noChat = createStore<ChatState | null>(null);

function Main() {
  const route = useStore(currentRoute);
  const session = route.view === 'chat' ? findSession(route.chatId) : undefined;
  const chat = useStore<ChatState | null>(session?.state ?? noChat)?.chat ?? null;
  useDocumentTitle(chat?.title || null);
  return (
    <main className="main" id="main" tabIndex={-1}>
      {(route.view === 'chat' || route.view === 'new') && <TopBar />}
      <Banners />
      <ErrorBoundary key={route.view}>
        <Suspense fallback={<div className="woven woven--moving loading-line" />}>
          {route.view === 'new' && <NewChatView />}
          {route.view === 'chat' && <ChatView chatId={route.chatId} />}
          {route.view === 'models' && <ModelsView />}
          {route.view === 'settings' && <SettingsView section={route.section} />}
        </Suspense>
      </ErrorBoundary>
    </main>
  );
}

function SidebarPlace() {
  const { isSidebarOpen } = useStore(layout);
  const isDrawer = useIsSidebarDrawer();
  if (!isSidebarOpen) return null;
  if (!isDrawer) return <Sidebar />;
  return (
    <Dialog title={strings.shell.sidebar} kind="drawer" isHeadless onClose={() => setSidebar(false)}>
      <Sidebar />
    </Dialog>
  );
}

function PanelPlace() {
  const { isPanelOpen } = useStore(layout);
  const route = useStore(currentRoute);
  const isSheet = useIsPanelSheet();
  if (!isPanelOpen || (route.view !== 'chat' && route.view !== 'new')) return null;
  const panel = (
    <Suspense fallback={<div className="panel" aria-busy />}>
      <Panel />
    </Suspense>
  );
  if (!isSheet) return panel;
  return (
    <Dialog title={strings.shell.panel} kind="sheet" isHeadless onClose={() => setPanel(false)}>
      {panel}
    </Dialog>
  );
}

function OverlayPlace() {
  const shown = useStore(overlay);
  if (!shown) return null;
  return (
    <Suspense fallback={null}>
      <Overlays shown={shown} onClose={closeView} />
    </Suspense>
  );
}

export function App() {
  useShortcuts();
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          // What stands behind # is the page's route.
          event.preventDefault();
          (document.getElementById('composer') ?? document.getElementById('main'))?.focus();
        }}
      >
        {strings.shell.skip}
      </a>
      <div className="app">
        <ErrorBoundary>
          <SidebarPlace />
        </ErrorBoundary>
        <Main />
        <ErrorBoundary>
          <PanelPlace />
        </ErrorBoundary>
      </div>
      <OverlayPlace />
      <SignIn />
      <Toasts />
      <TooltipLayer />
    </>
  );
}
