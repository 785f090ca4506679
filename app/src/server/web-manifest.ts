/** What a browser installs the page with; all of it is on the sign-in page too, or is a picture of ours. */
export function webManifest(title: string): Record<string, unknown> {
  return {
    id: '/',
    name: title,
    short_name: title,
    start_url: './',
    scope: './',
    display: 'standalone',
    // The ground of the light page: until the page itself is drawn nobody knows which of the two is wanted.
    background_color: '#fcfaf6',
    theme_color: '#fcfaf6',
    icons: [
      { src: 'icons/icon.svg', type: 'image/svg+xml', sizes: 'any' },
      { src: 'icons/icon-192.png', type: 'image/png', sizes: '192x192' },
      { src: 'icons/icon-512.png', type: 'image/png', sizes: '512x512' },
      { src: 'icons/maskable-512.png', type: 'image/png', sizes: '512x512', purpose: 'maskable' },
    ],
  };
}
