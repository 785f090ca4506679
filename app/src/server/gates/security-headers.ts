/** S23, S24: nothing from elsewhere is loaded, nothing is framed, no text becomes code. */

const base = [
  "default-src 'none'",
  "connect-src 'self'",
  "font-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "frame-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
];

export function pagePolicy(nonce: string): string {
  return [
    ...base,
    // A picture from elsewhere is fetched by the person's click only, as a blob.
    "img-src 'self' data: blob:",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
  ].join('; ');
}

/** The page's service worker fetches what it keeps from here, and can do nothing else. */
export const serviceWorkerPolicy = "default-src 'none'; connect-src 'self'";

/**
 * Where diagrams are drawn: their library sets styles as it likes, so it does that in a frame without an origin, which
 * can fetch nothing but scripts of ours.
 */
export const diagramPolicy =
  "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox allow-scripts";

/** What that frame runs. A frame without an origin is a stranger to its own server, so these files are anybody's. */
export function isForAnyOrigin(address: string): boolean {
  return address === '/diagram.js' || /^\/assets\/mermaid\.tiny-[\w-]+\.js$/.test(address);
}

/** For everything that is not the page: even if a browser showed it, it could do nothing. */
export const inertPolicy =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox";

export const commonHeaders: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
};
