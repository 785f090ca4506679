import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { notFound } from './answers.ts';
import { diagramPolicy, isForAnyOrigin, pagePolicy, serviceWorkerPolicy } from './gates/security-headers.ts';
import { familyOf, pathOf } from './error-answers.ts';
import type { ServerContext } from './server-context.ts';
import { signInPage } from './sign-in-page.ts';
import { webManifest } from './web-manifest.ts';

const mediaTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

interface PageFile {
  path: string;
  type: string;
  /** Its name carries a hash of its content. */
  isImmutable: boolean;
  hasBrotli: boolean;
  etag: string;
  headers: Record<string, string>;
}

/** Placeholders that the page's build leaves where a nonce belongs, and which page it is. */
const noncePlaceholder = '__CORRAL_NONCE__';
const versionPlaceholder = '__CORRAL_PAGE_VERSION__';

/** What a file may beyond nothing. */
function headersOf(address: string): Record<string, string> {
  if (isForAnyOrigin(address)) return { 'cross-origin-resource-policy': 'cross-origin' };
  if (address === '/service-worker.js') return { 'content-security-policy': serviceWorkerPolicy };
  if (address === '/diagram.html')
    return { 'content-security-policy': diagramPolicy, 'x-frame-options': 'SAMEORIGIN' };
  return {};
}

const hashedName = /-[\w-]{8,}\.\w+$/;

/**
 * Every file of the built page by its address, listed once: an address from outside is looked up and never becomes
 * a path (S5).
 */
function listFiles(folder: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  if (!existsSync(folder)) return files;
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    const path = join(folder, name);
    const type = mediaTypes[extname(name)];
    // A link is not followed (S6): what lies elsewhere is not the page's.
    const stat = lstatSync(path);
    if (!stat.isFile() || type === undefined) continue;
    const address = `/${name.replaceAll('\\', '/')}`;
    files.set(address, {
      path,
      type,
      isImmutable: address.startsWith('/assets/') && hashedName.test(name),
      hasBrotli: existsSync(`${path}.br`),
      etag: `"${stat.size.toString(36)}-${Math.floor(stat.mtimeMs).toString(36)}"`,
      headers: headersOf(address),
    });
  }
  return files;
}

function sendFile(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const isBrotli = file.hasBrotli && /\bbr\b/.test(request.headers['accept-encoding'] ?? '');
  void reply
    .headers(file.headers)
    .header('content-type', file.type)
    .header('cache-control', file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache')
    .header('etag', file.etag)
    .header('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === file.etag) return reply.code(304).send();
  if (isBrotli) void reply.header('content-encoding', 'br');
  return reply.send(readFileSync(isBrotli ? `${file.path}.br` : file.path));
}

export function sendPage(reply: FastifyReply, html: (nonce: string) => string, status = 200): FastifyReply {
  const nonce = randomBytes(18).toString('base64');
  return reply
    .code(status)
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', pagePolicy(nonce))
    .header('cache-control', 'no-store')
    .send(html(nonce));
}

const unbuilt =
  '<!doctype html><title>Corral</title><p>The page was not built. Run <code>npm start</code> in the clone.</p>';

/**
 * Addresses inside the page (/chats/…), which a person asks for, are the page's own business: they are answered with it
 * or with the sign-in page, and no key is looked at.
 */
export function isInsidePage(request: FastifyRequest): boolean {
  const { accept = '' } = request.raw.headers;
  if (!request.is404 || request.method !== 'GET' || !accept.includes('text/html')) return false;
  const path = pathOf(request.url);
  return familyOf(request.method, path) === 'native' && !path.startsWith('/api/');
}

/** The page for a person, the sign-in page where a key is missing, and the files both need. */
export function registerStaticPage(app: FastifyInstance, context: ServerContext): void {
  const files = listFiles(context.pageFolder);
  const index = files.get('/index.html');
  const template = (index ? readFileSync(index.path, 'utf8') : unbuilt).replace(
    versionPlaceholder,
    context.pageVersion,
  );
  const sendApp = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (!context.access.isSignedIn(request.raw.headers)) {
      return sendPage(reply, (nonce) => signInPage(context.config.title, nonce), 401);
    }
    return sendPage(reply, (nonce) => template.replaceAll(noncePlaceholder, nonce));
  };

  app.get('/', { schema: { hide: true }, config: { access: 'public' } }, sendApp);
  app.get('/index.html', { schema: { hide: true }, config: { access: 'public' } }, sendApp);
  app.get('/assets/*', { schema: { hide: true }, config: { access: 'public' } }, (request, reply) => {
    const file = files.get(pathOf(request.url));
    if (file === undefined) throw notFound(request);
    return sendFile(request, reply, file);
  });
  for (const [address, file] of files) {
    if (address.startsWith('/assets/') || address === '/index.html') continue;
    app.get(address, { schema: { hide: true }, config: { access: 'public' } }, (request, reply) =>
      sendFile(request, reply, file),
    );
  }
  app.get(
    '/manifest.webmanifest',
    { schema: { hide: true }, config: { access: 'public' } },
    (_request, reply) =>
      reply
        .header('content-type', mediaTypes['.webmanifest'])
        .header('cache-control', 'no-cache')
        .send(JSON.stringify(webManifest(context.config.title))),
  );
  // The gates have asked for the key by now: without it nobody learns what is there.
  app.setNotFoundHandler({}, (request, reply) => {
    if (isInsidePage(request)) return sendApp(request, reply);
    throw notFound(request);
  });
}
