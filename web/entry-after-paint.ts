import type { Plugin } from 'vite';

const moduleScript = /<script type="module"[^>]* src="(\/assets\/[^"]+)"[^>]*><\/script>/g;

/**
 * The page's modules are fetched and parsed at once, and run when `index.html` says so, which is after its own field
 * was drawn: run as module scripts they would hold that picture back until all of the page is drawn. The entry is the
 * last of them.
 */
export function entryAfterPaint(): Plugin {
  return {
    name: 'entry-after-paint',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html) {
        const addresses = [...html.matchAll(moduleScript)].map((match) => match[1]);
        const entry = addresses.at(-1);
        if (entry === undefined) throw new Error('index.html starts no module');
        return html.replaceAll(
          moduleScript,
          (_, address: string) =>
            `<link rel="modulepreload" crossorigin href="${address}"${address === entry ? ' data-entry' : ''}>`,
        );
      },
    },
  };
}
