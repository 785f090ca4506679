import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type RunningServer } from '../../test/fixtures/running-server.ts';

/**
 * Every route × no key, wrong key, foreign id. A new route without an entry here fails the test, so that nobody opens
 * one by the way. `foreign` names which id of another person's is put into its address.
 */

type Foreign = 'chat' | 'message' | 'run' | 'trash' | 'job' | 'none';

interface Entry {
  access: 'public' | 'key';
  foreign: Foreign;
  body?: unknown;
}

const closed: Entry = { access: 'key', foreign: 'none' };
const open: Entry = { access: 'public', foreign: 'none' };
const of = (foreign: Foreign, body?: unknown): Entry => ({
  access: 'key',
  foreign,
  ...(body === undefined ? {} : { body }),
});

const entries: Record<string, Entry> = {
  'GET /api/chats': closed,
  'POST /api/chats': closed,
  'GET /api/chats/:id': of('chat'),
  'PATCH /api/chats/:id': of('chat', { title: 'mine now' }),
  'DELETE /api/chats/:id': of('chat'),
  'POST /api/chats/:id/duplicate': of('chat', {}),
  'POST /api/chats/:id/clear': of('chat'),
  'POST /api/chats/:id/runs': of('chat', { input: { kind: 'message', content: 'x' } }),
  'POST /api/chats/:id/count': of('chat', { content: 'x' }),
  'POST /api/count': closed,
  'GET /api/chats/:id/export': of('chat'),
  'POST /api/chats/:id/messages/:messageId/edit': of('message', { content: 'x' }),
  'PATCH /api/chats/:id/messages/:messageId': of('message', { pinned: true }),
  'GET /api/chats/:id/messages/:messageId/tokens': of('message'),
  'DELETE /api/chats/:id/messages/:messageId': of('message'),
  'GET /api/chats/:id/messages/:messageId/export': of('message'),
  'GET /api/trash': closed,
  'POST /api/trash/:id/restore': of('trash'),
  'DELETE /api/trash/:id': of('trash'),
  'POST /api/erase': closed,
  'GET /api/search': closed,
  'GET /api/runs': closed,
  'GET /api/runs/:id': of('run'),
  'DELETE /api/runs/:id': of('run'),
  'GET /api/runs/:id/events': of('run'),
  'GET /api/runs/:id/receipt': of('run'),
  'GET /api/runs/:id/prompt': of('run'),
  'POST /api/runs/:id/replay': of('run'),
  'POST /api/streams': closed,
  'GET /api/streams/:id': of('run'),
  'DELETE /api/streams/:id': of('run'),
  'PUT /api/streams/:id/runs/:runId': of('run'),
  'DELETE /api/streams/:id/runs/:runId': of('run'),
  'GET /api/models': closed,
  'GET /api/models/:model': closed,
  'POST /api/models/:model/load': closed,
  'POST /api/models/:model/unload': closed,
  'DELETE /api/models/:model': closed,
  'GET /api/models-disk': closed,
  'GET /api/catalogue': closed,
  'POST /api/preflight': closed,
  'POST /api/pulls': closed,
  'POST /api/model-imports': closed,
  'GET /api/adapters': closed,
  'POST /api/adapters': closed,
  'DELETE /api/adapters/:model': closed,
  'GET /api/jobs': closed,
  'GET /api/jobs/:id': of('job'),
  'DELETE /api/jobs/:id': of('job'),
  'POST /api/jobs/:id/resume': of('job'),
  'GET /api/presets': closed,
  'PUT /api/presets/:name': closed,
  'DELETE /api/presets/:name': closed,
  'GET /api/preferences': closed,
  'PUT /api/preferences': closed,
  'GET /api/settings': closed,
  'GET /api/system': closed,
  'GET /api/load': closed,
  'GET /api/session': closed,
  'POST /api/session': open,
  'DELETE /api/session': closed,
  'GET /api/backups': closed,
  'GET /api/backups/:name': closed,
  'POST /api/backup-files/contents': closed,
  'POST /api/backup-files/restore': closed,
  'POST /api/backups': closed,
  'POST /api/backups/:name/restore': closed,
  'GET /api/log': closed,
  'GET /api/log/dead': closed,
  'POST /api/log/replay': closed,
  'GET /api/providers': closed,
  'PUT /api/providers/:name': closed,
  'DELETE /api/providers/:name': closed,
  'POST /api/providers/:name/check': closed,
  'POST /api/import': closed,
  'GET /api/export': closed,
  'GET /api/openapi.json': closed,
  'GET /api/docs': closed,
  'GET /manifest.webmanifest': open,
  'HEAD /manifest.webmanifest': open,
  'GET /healthz': open,
  'HEAD /healthz': open,
  'GET /healthz/live': open,
  'HEAD /healthz/live': open,
  'GET /healthz/ready': open,
  'HEAD /healthz/ready': open,
  'GET /metrics': closed,
  'POST /v1/chat/completions': closed,
  'POST /v1/completions': closed,
  'POST /v1/embeddings': closed,
  'GET /v1/models': closed,
  'GET /v1/models/*': closed,
  'POST /': closed,
  'POST /generate': closed,
  'POST /generate_stream': closed,
  'POST /tokenize': closed,
  'GET /info': closed,
  'GET /health': open,
  'HEAD /health': open,
  'GET /ping': open,
  'HEAD /ping': open,
  'GET /config': closed,
  'GET /gradio_api/info': closed,
  'GET /gradio_api/startup-events': closed,
  'GET /gradio_api/app_id': closed,
  'POST /gradio_api/queue/join': closed,
  'GET /gradio_api/queue/data': closed,
  'GET /gradio_api/heartbeat/:hash': closed,
  'POST /gradio_api/cancel': closed,
  'POST /gradio_api/reset': closed,
  'POST /gradio_api/call/:name': closed,
  'POST /gradio_api/call/v2/:name': closed,
  'GET /gradio_api/call/:name/:id': closed,
  'GET /gradio_api/call/v2/:name/:id': closed,
  'POST /gradio_api/run/:name': closed,
  // The page's own files hold nothing that is anybody's; without a key `/` is the sign-in page.
  'GET /': open,
  'HEAD /': open,
  'GET /index.html': open,
  'HEAD /index.html': open,
  'GET /assets/*': open,
  'HEAD /assets/*': open,
};

const unknownId = '01890000-0000-7000-8000-000000000000';
const key = 'a-right-access-key-0123456789';

let keyed: RunningServer;
let running: RunningServer;
const foreign = { chat: '', message: '', run: '', trash: '', job: '', none: '' };

async function makeForeign(): Promise<void> {
  const other = 'somebody else';
  const chat = await running.chats.create(other, { title: 'theirs' });
  const { runs } = await running.chats.run(other, chat.id, {
    input: { kind: 'message', content: 'secret word' },
  });
  const run = runs[0]!;
  for await (const event of running.chats.watch(other, run.id, {
    from: 0,
    signal: AbortSignal.timeout(5000),
  }))
    void event;
  const gone = await running.chats.create(other, { title: 'theirs, deleted' });
  const trash = await running.chats.trash(other, gone.id);
  const job = await running.jobs.add(other, { kind: 'pull', payload: { reference: 'x' } });
  Object.assign(foreign, {
    chat: chat.id,
    message: run.messageId,
    run: run.id,
    trash: trash?.id,
    job: job.id,
  });
}

beforeAll(async () => {
  keyed = await startServer({ environment: { CORRAL_ACCESS_KEY: key } });
  running = await startServer();
  await makeForeign();
});
afterAll(async () => {
  await keyed.close();
  await running.close();
});

const nameOf = ({ method, url }: { method: string; url: string }): string => `${method} ${url}`;

test('every route has an entry, and every entry a route', () => {
  const served = keyed.server.routes.filter(({ url }) => !url.startsWith('/favicon')).map(nameOf);
  expect(new Set(served)).toEqual(new Set(Object.keys(entries)));
});

test('each route is as open as its entry says', () => {
  const wrong = keyed.server.routes.filter((route) => entries[nameOf(route)]?.access !== route.access);
  expect(wrong).toEqual([]);
});

function addressOf(url: string, id: string): string {
  return url
    .replace('/messages/:messageId', `/messages/${id}`)
    .replace(/:(id|runId)\b/g, id)
    .replace(':model', 'none')
    .replace(':name', 'none')
    .replace(':hash', 'none')
    .replace('*', 'none');
}

test.each(['/health', '/ping', '/healthz', '/healthz/live', '/healthz/ready'])(
  'HEAD %s needs no key and says what GET says, without a body',
  async (path) => {
    const [head, got] = [await keyed.call('HEAD', path), await keyed.call('GET', path)];
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('content-type')).toBe(got.headers.get('content-type'));
  },
);

describe('without a key, and with a wrong one', () => {
  test.each(Object.entries(entries).filter(([, { access }]) => access === 'key'))(
    '%s is 401',
    async (name, entry) => {
      const [method = '', url = ''] = name.split(' ');
      const path = addressOf(url, unknownId);
      // A body that is wrong as well: nothing of it may be looked at.
      const body = method === 'GET' || method === 'DELETE' ? undefined : (entry.body ?? '{');
      const origin = keyed.address;
      const forged = `corral-${new URL(origin).port}=99999999999999.${'a'.repeat(22)}.${'b'.repeat(43)}`;
      const carriers: Record<string, string>[] = [
        {},
        { authorization: 'Bearer wrong' },
        { authorization: 'Basic eDp5' },
        { cookie: forged, origin },
        // Names that other servers read a key or a person from; here they say nothing (A5, S21).
        { 'x-api-key': key, 'x-forwarded-user': 'owner', 'remote-user': 'owner' },
      ];
      for (const headers of carriers) {
        const { status } = await keyed.call(method, path, body, headers);
        // After ten wrong keys the address has to wait: no way in either.
        expect([401, 429]).toContain(status);
      }
    },
  );
});

describe("with another person's id", () => {
  const cases = Object.entries(entries).filter(([, entry]) => entry.foreign !== 'none');
  test.each(cases)('%s answers as if it did not exist', async (name, entry) => {
    const [method = '', url = ''] = name.split(' ');
    const ask = async (id: string, chatId: string) => {
      const path = addressOf(url.replace('/chats/:id', `/chats/${chatId}`), id);
      const { status, text } = await running.call(method, path, entry.body);
      return { status, text: text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID') };
    };
    const theirs = await ask(foreign[entry.foreign], foreign.chat);
    const nobodys = await ask(unknownId, unknownId);
    expect(theirs.status).toBe(404);
    expect(theirs).toEqual(nobodys);
    expect(theirs.text).not.toContain('secret');
  });

  test('lists, search and exports hold nothing of theirs', async () => {
    for (const path of [
      '/api/chats',
      '/api/search?q=secret',
      '/api/export',
      '/api/runs',
      '/api/trash',
      '/api/jobs',
      '/api/runs?active=0',
    ]) {
      const { status, text } = await running.call('GET', path);
      expect(status).toBe(200);
      expect(text).not.toMatch(/secret|theirs/);
    }
  });
});
