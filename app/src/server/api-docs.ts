import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import type { ServerContext } from './server-context.ts';
import { sendPage } from './static-page.ts';
import { ownPageStyle } from './own-page-style.ts';

const transform = createJsonSchemaTransform({ zodToJsonConfig: { unrepresentable: 'any' } });

/** Has to be registered before the routes: it collects their schemas as they come. */
export async function registerOpenApi(
  app: FastifyInstance,
  { version, access }: ServerContext,
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Corral',
        version,
        description: 'The native API. Errors are { error: { code, message, hint?, details? }, requestId }.',
      },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      ...(access.needsKey ? { security: [{ key: [] }] } : {}),
    },
    transform,
  });
}

const style = `${ownPageStyle}
body { max-width: 960px; margin: 32px auto; padding: 0 16px; }
h2 { margin-top: 32px; text-transform: capitalize; }
details { border-top: 1px solid var(--line); padding: 8px 0; }
summary { cursor: pointer; display: flex; gap: 12px; flex-wrap: wrap; }
code, pre { font: 13.5px/1.5 ui-monospace, monospace; }
pre { overflow: auto; padding: 12px; border: 1px solid var(--line); border-radius: 8px; max-height: 420px; }
.method { color: var(--accent-text); font-weight: 600; min-width: 5ch; }
.about { color: var(--ink-soft); }
`;

const script = `
const list = document.querySelector('#list'), filter = document.querySelector('input');
const make = (tag, text, name) => { const it = document.createElement(tag); if (text) it.textContent = text; if (name) it.className = name; return it; };
const part = (parent, title, value) => {
  if (value === undefined) return;
  parent.append(make('h4', title), make('pre', JSON.stringify(value, null, 2)));
};
const { paths } = await (await fetch('/api/openapi.json')).json();
const groups = new Map();
for (const [path, methods] of Object.entries(paths)) for (const [method, it] of Object.entries(methods)) {
  const tag = it.tags?.[0] ?? 'other';
  if (!groups.has(tag)) groups.set(tag, []);
  groups.get(tag).push({ path, method, it });
}
for (const [tag, routes] of [...groups].sort()) {
  const section = make('section');
  section.append(make('h2', tag));
  for (const { path, method, it } of routes) {
    const details = make('details'), summary = make('summary');
    summary.append(make('code', method.toUpperCase(), 'method'), make('code', path), make('span', it.summary, 'about'));
    details.append(summary);
    details.dataset.text = (method + ' ' + path + ' ' + (it.summary ?? '')).toLowerCase();
    details.addEventListener('toggle', () => {
      if (!details.open || details.childElementCount > 1) return;
      part(details, 'Parameters', it.parameters);
      part(details, 'Body', it.requestBody?.content?.['application/json']?.schema);
      for (const [status, answer] of Object.entries(it.responses ?? {}))
        part(details, 'Answer ' + status, answer.content?.['application/json']?.schema ?? answer.description);
    });
    section.append(details);
  }
  list.append(section);
}
filter.addEventListener('input', () => {
  for (const it of list.querySelectorAll('details')) it.hidden = !it.dataset.text.includes(filter.value.toLowerCase());
});
`;

function docsPage(nonce: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Corral API</title><style nonce="${nonce}">${style}</style></head>
<body><h1>Corral API</h1><p>Everything the page does, with its schemas; the same as JSON: <a href="/api/openapi.json">openapi.json</a>.</p>
<label>Find an address <input type="search"></label><main id="list"></main>
<script type="module" nonce="${nonce}">${script}</script></body></html>
`;
}

export function registerApiDocs(app: FastifyInstance): void {
  app.get('/api/openapi.json', { schema: { hide: true } }, (_request, reply) => reply.send(app.swagger()));
  app.get('/api/docs', { schema: { hide: true } }, (_request, reply) => sendPage(reply, docsPage));
}
