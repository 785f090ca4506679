import { useLayoutEffect } from 'react';
import { signInNeeded } from './api/request.ts';
import { Banners } from './banners.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { dropEarlyField } from './state/early-field.ts';
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
import { later } from './ui/later.tsx';
import { fetchMenu } from './ui/menu.tsx';
import { TooltipLayer } from './ui/tooltip-layer.tsx';
import { useDocumentTitle } from './use-document-title.ts';

const loadingLine = <div className="woven woven--moving loading-line" />;
// What the first page does not need.
const ChatView = later(() => import('./chat-view.tsx').then((module) => module.ChatView), loadingLine);
const Dialog = later(() => import('./ui/dialog.tsx').then((module) => module.Dialog));
const SignIn = later(() => import('./sign-in.tsx').then((module) => module.SignIn));
const Panel = later(
  () => import('./panel/panel.tsx').then((module) => module.Panel),
  <div className="panel" aria-busy />,
);
const ModelsView = later(
  () => import('./models/models-view.tsx').then((module) => module.ModelsView),
  loadingLine,
);
const SettingsView = later(
  () => import('./settings/settings-view.tsx').then((module) => module.SettingsView),
  loadingLine,
);
const Overlays = later(() => import('./overlays.tsx').then((module) => module.Overlays));

/** Where the address names a chat it is drawn at once, not after a placeholder. */
export async function fetchFirst(): Promise<void> {
  if (currentRoute.get().view === 'chat') await ChatView.fetch();
}

/** Parts that are likely to be wanted next are here before. */
export async function fetchAhead(): Promise<void> {
  for (const part of [ChatView, Dialog, Panel, ModelsView, SettingsView, Overlays]) await part.fetch();
  await fetchMenu();
  const { warmUp } = await import('./markdown/warm-up.tsx');
  warmUp();
}

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
      {/* One chat that cannot be drawn stands in the way of no other. */}
      <ErrorBoundary name={route.view === 'chat' ? route.chatId : route.view}>
        <RouteView />
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
  const panel = <Panel />;
  if (!isSheet) return panel;
  return (
    <Dialog title={strings.shell.panel} kind="sheet" isHeadless onClose={() => setPanel(false)}>
      {panel}
    </Dialog>
  );
}

function SignInPlace() {
  if (!useStore(signInNeeded)) return null;
  return <SignIn />;
}

function OverlayPlace() {
  const shown = useStore(overlay);
  if (!shown) return null;
  return <Overlays shown={shown} onClose={closeView} />;
}

export function App() {
  useShortcuts();
  useLayoutEffect(dropEarlyField, []);
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
