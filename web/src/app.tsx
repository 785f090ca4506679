import { lazy, Suspense } from 'react';
import { signInNeeded } from './api/request.ts';
import { Banners } from './banners.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { overlay, closeView } from './state/overlays.ts';
import { layout, setPanel, setSidebar, useIsPanelSheet, useIsSidebarDrawer } from './state/layout.ts';
import { currentRoute } from './state/route.ts';
import { sessionOf } from './state/sessions.ts';
import { createStore, useStore } from './state/store.ts';
import type { ChatState } from './state/chat-session.ts';
import { useShortcuts } from './palette/use-shortcuts.ts';
import { NewChatView } from './new-chat-view.tsx';
import { Sidebar } from './sidebar/sidebar.tsx';
import { strings } from './strings.ts';
import { TopBar } from './top-bar.tsx';
import { Toasts } from './ui/toasts.tsx';
import { TooltipLayer } from './ui/tooltip-layer.tsx';
import { useDocumentTitle } from './use-document-title.ts';

// What the first page does not need; what is likely to be needed next is fetched as soon as that page stands.
const ChatView = lazy(() => import('./chat-view.tsx').then((module) => ({ default: module.ChatView })));
const Dialog = lazy(() => import('./ui/dialog.tsx').then((module) => ({ default: module.Dialog })));
const SignIn = lazy(() => import('./sign-in.tsx').then((module) => ({ default: module.SignIn })));
const Panel = lazy(() => import('./panel/panel.tsx').then((module) => ({ default: module.Panel })));
const ModelsView = lazy(() =>
  import('./models/models-view.tsx').then((module) => ({ default: module.ModelsView })),
);
const SettingsView = lazy(() =>
  import('./settings/settings-view.tsx').then((module) => ({ default: module.SettingsView })),
);
const Overlays = lazy(() => import('./overlays.tsx').then((module) => ({ default: module.Overlays })));

const noChat = createStore<ChatState | null>(null);

function RouteView() {
  const route = useStore(currentRoute);
  switch (route.view) {
    case 'new':
      return <NewChatView />;
    case 'chat':
      return <ChatView chatId={route.chatId} />;
    case 'models':
      return <ModelsView />;
    case 'settings':
      return <SettingsView section={route.section} />;
  }
}

function Main() {
  const route = useStore(currentRoute);
  // Begun here, before the view is loaded: what is around it shows the same chat.
  const session = route.view === 'chat' ? sessionOf(route.chatId) : undefined;
  const chat = useStore<ChatState | null>(session?.state ?? noChat)?.chat;
  const isChat = route.view === 'chat' || route.view === 'new';
  useDocumentTitle(chat?.title || null);
  return (
    <main className="main" id="main" tabIndex={-1}>
      {isChat && <TopBar />}
      <Banners />
      <ErrorBoundary key={route.view}>
        <Suspense fallback={<div className="woven woven--moving loading-line" />}>
          <RouteView />
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
    <Suspense fallback={null}>
      <Dialog title={strings.shell.sidebar} kind="drawer" isHeadless onClose={() => setSidebar(false)}>
        <Sidebar />
      </Dialog>
    </Suspense>
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
    <Suspense fallback={null}>
      <Dialog title={strings.shell.panel} kind="sheet" isHeadless onClose={() => setPanel(false)}>
        {panel}
      </Dialog>
    </Suspense>
  );
}

function SignInPlace() {
  if (!useStore(signInNeeded)) return null;
  return (
    <Suspense fallback={null}>
      <SignIn />
    </Suspense>
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
      <SignInPlace />
      <Toasts />
      <TooltipLayer />
    </>
  );
}
