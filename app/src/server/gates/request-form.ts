import type { IncomingMessage } from 'node:http';

/** Headers of which two copies could be read differently by a proxy and by us. */
const single = new Set(['host', 'origin', 'authorization', 'content-type', 'content-length', 'if-match']);

/** What is wrong with the form of a request, or null. Looked at before routing, with the body unread. */
export function wrongForm(request: IncomingMessage): string | null {
  const { url = '', rawHeaders } = request;
  if (!url.startsWith('/') && url !== '*') return 'the request target has to be a path';
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    if (!single.has(name)) continue;
    if (seen.has(name)) return `the header ${name} is there twice`;
    seen.add(name);
  }
  return null;
}
