import { QueryClientProvider } from '@tanstack/react-query';
import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';
import { startNotices } from './api/notices.ts';
import { queryClient } from './api/queries.ts';
import { App, fetchAhead, fetchFirst } from './app.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { startOffline } from './offline/start-offline.ts';
import { startAppearance } from './state/appearance.ts';
import { whenWordIsThere } from './state/early-field.ts';
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

startAppearance();
startQueue();
startNotices();
function draw(): void {
  const container = document.getElementById('root');
  if (container)
    createRoot(container).render(
      <ErrorBoundary>
        <QueryClientProvider client={queryClient}>
          <App />
        </QueryClientProvider>
      </ErrorBoundary>,
    );
}

// Without a network now, parts are fetched when they are needed. No `await` here: they need this file to be through.
void fetchFirst()
  .catch(() => undefined)
  .then(whenWordIsThere)
  .then(draw);
setTimeout(
  () =>
    void fetchAhead()
      .catch(() => undefined)
      .then(startOffline),
  100,
);
