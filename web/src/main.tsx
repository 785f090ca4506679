import { QueryClientProvider } from '@tanstack/react-query';
import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';
import { startNotices } from './api/notices.ts';
import { queryClient } from './api/queries.ts';
import { App } from './app.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { startAppearance } from './state/appearance.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/ui.css';
import './styles/layout.css';
import './styles/sidebar.css';
import './styles/transcript.css';
import './styles/markdown.css';
import './styles/composer.css';

// Dialogs add a style element to hold the page still; the policy lets it in by this nonce.
const nonce = document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce;
if (nonce) setNonce(nonce);

// A long chat is drawn by a part of its own: it is here before somebody opens one.
// Without a network now it is fetched when it is needed.
const fetchLongChats = (): Promise<unknown> => import('./transcript/virtual-list.tsx').catch(() => undefined);
setTimeout(() => void fetchLongChats(), 1_500);

startAppearance();
startNotices();
const container = document.getElementById('root');
if (container)
  createRoot(container).render(
    <ErrorBoundary>
      <QueryClientProvider client={queryClient}>
        <App />
      </QueryClientProvider>
    </ErrorBoundary>,
  );
