import { QueryClientProvider } from '@tanstack/react-query';
import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';
import { startNotices } from './api/notices.ts';
import { queryClient } from './api/queries.ts';
import { App } from './app.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { startAppearance } from './state/appearance.ts';
import { startQueue } from './state/sending.ts';
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

/** Parts that are likely to be wanted next are here before; without a network now they are fetched when needed. */
async function fetchAhead(): Promise<void> {
  try {
    await import('./chat-view.tsx');
    await import('./ui/open-menu.tsx');
    await import('./ui/dialog.tsx');
    await import('./transcript/virtual-list.tsx');
  } catch {
    // Asked for again when it is wanted.
  }
}
setTimeout(() => void fetchAhead(), 100);

startAppearance();
startQueue();
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
