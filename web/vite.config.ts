import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { brotliBeside } from './brotli-beside.ts';
import { entryAfterPaint } from './entry-after-paint.ts';
import { offlineShell } from './offline-shell.ts';
import { stringsInHtml } from './strings-in-html.ts';

export default defineConfig(({ command }) => {
  // A build is always the real one, also where a test runner that starts it says otherwise.
  if (command === 'build') process.env['NODE_ENV'] = 'production';
  return {
    plugins: [react(), stringsInHtml(), entryAfterPaint(), offlineShell(), brotliBeside()],
    // The server replaces the placeholder with a fresh nonce for every answer that carries the page.
    html: { cspNonce: '__CORRAL_NONCE__' },
    build: {
      target: 'es2023',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 700,
      // What the first page needs comes in two files of like size: each further one costs a round through the
      // server, and two are parsed side by side.
      rolldownOptions: {
        output: {
          codeSplitting: {
            groups: [
              {
                name: 'react',
                test: /[\\/]node_modules[\\/](?:react|react-dom|scheduler)[\\/]|rolldown[\\/]runtime/,
              },
              { name: 'page', test: /[\\/]src[\\/]main\.tsx$/ },
            ],
          },
        },
      },
    },
    worker: { format: 'es' },
  };
});
