/**
 * Lets the page open while the server is away: the files it is drawn with are kept, and nothing else ever is. What it
 * shows comes from the server, so nobody's words are here.
 */

/** Put here by the build: which page this is, what its HTML names, and what it fetches by itself. */
declare const __CORRAL_SHELL__: {
  build: string;
  entryFiles: readonly string[];
  partFiles: readonly string[];
};

interface LastingEvent extends Event {
  waitUntil: (work: Promise<unknown>) => void;
}

interface InstallEvent extends LastingEvent {
  addRoutes?: (rule: { condition: { urlPattern: { pathname: string } }; source: 'network' }) => Promise<void>;
}

interface RequestEvent extends LastingEvent {
  request: Request;
  preloadResponse: Promise<Response | undefined>;
  respondWith: (response: Promise<Response>) => void;
}

/** What a service worker's own scope has; the browser's types of it and of pages exclude one another. */
interface WorkerScope {
  registration: ServiceWorkerRegistration;
  skipWaiting: () => Promise<void>;
  clients: { claim: () => Promise<void> };
  addEventListener: {
    (type: 'install', listener: (event: InstallEvent) => void): void;
    (type: 'activate', listener: (event: LastingEvent) => void): void;
    (type: 'fetch', listener: (event: RequestEvent) => void): void;
  };
}

const worker = self as unknown as WorkerScope;
const { build, entryFiles, partFiles } = __CORRAL_SHELL__;
const cacheName = `corral-${build}`;
const shellAddress = '/';
/** A phone out of reach of its server is told so no sooner than by its own patience, which is a minute. */
const patienceMs = 4_000;
/** What proxies say when the server behind them does not answer. */
const gatewayStatuses = [502, 503, 504];

async function fetchWhole(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response;
}

/** All or nothing, so that no page is kept with the files of another. */
async function keepShell(): Promise<void> {
  const shell = await fetchWhole(shellAddress);
  const html = await shell.clone().text();
  // The server may have been given another page meanwhile, or ask for its key.
  if (!entryFiles.every((file) => html.includes(`"${file}"`)))
    throw new Error('this is not the page of this worker');
  const kept = await caches.open(cacheName);
  await Promise.all(
    [...entryFiles, ...partFiles].map(async (file) => kept.put(file, await fetchWhole(file))),
  );
  await kept.put(shellAddress, shell);
}

async function dropOthers(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name.startsWith('corral-') && name !== cacheName);
  await Promise.all(names.map((name) => caches.delete(name)));
}

async function kept(address: string): Promise<Response | undefined> {
  const cache = await caches.open(cacheName);
  return cache.match(address, { ignoreVary: true });
}

async function fromServer(event: RequestEvent): Promise<Response> {
  const response = (await event.preloadResponse) ?? (await fetch(event.request));
  const shell = gatewayStatuses.includes(response.status) ? await kept(shellAddress) : undefined;
  return shell ?? response;
}

/** The server's page wherever there is a server, so that none is ever older than it. */
async function page(event: RequestEvent): Promise<Response> {
  const answer = fromServer(event).catch(async (error: unknown) => {
    const shell = await kept(shellAddress);
    if (shell) return shell;
    throw error;
  });
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), patienceMs));
  return (await Promise.race([answer, late])) ?? (await kept(shellAddress)) ?? answer;
}

/** Its name carries a hash of its content: what is kept is what the server has. */
async function asset(event: RequestEvent, address: string): Promise<Response> {
  const known = await kept(address);
  if (known) return known;
  const response = await fetch(event.request);
  if (response.ok) {
    const copy = response.clone();
    event.waitUntil(caches.open(cacheName).then((cache) => cache.put(address, copy)));
  }
  return response;
}

worker.addEventListener('install', (event) => {
  // Where the browser can be told so, what is nobody's business here does not even wake this worker.
  for (const pathname of ['/api/*', '/v1/*'])
    event.waitUntil(
      Promise.resolve(event.addRoutes?.({ condition: { urlPattern: { pathname } }, source: 'network' })),
    );
  event.waitUntil(keepShell().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(dropOthers());
  event.waitUntil(worker.registration.navigationPreload.enable());
  event.waitUntil(worker.clients.claim());
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== self.location.origin) return;
  if (request.mode === 'navigate' && pathname === shellAddress) event.respondWith(page(event));
  else if (pathname.startsWith('/assets/')) event.respondWith(asset(event, pathname));
});
