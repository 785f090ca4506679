import type { FastifyInstance } from 'fastify';
import { chatRoutes, messageRoutes } from '../../contracts/api/chats.ts';
import type { ServerContext } from '../server-context.ts';
import { serveRoute } from '../serve-route.ts';
import { versionOf, withoutUndefined } from './request-values.ts';

const defaultPageSize = 50;

function readingRoutes(app: FastifyInstance, { chats }: ServerContext): void {
  serveRoute(app, chatRoutes.list, async ({ owner, query }) => {
    const { cursor, folder, tag, limit = defaultPageSize } = query;
    const filter = withoutUndefined({ limit, cursor, folder: folder === '' ? null : folder, tag });
    const [page, folders, tags] = await Promise.all([
      chats.list(owner, filter),
      chats.folders(owner),
      chats.tags(owner),
    ]);
    return { chats: page.items, cursor: page.cursor, folders, tags };
  });
  serveRoute(app, chatRoutes.show, ({ owner, params, query: { last } }) =>
    chats.open(owner, params.id, last === undefined ? undefined : { last }),
  );
  serveRoute(app, chatRoutes.search, async ({ owner, query }) => ({
    hits: await chats.search(owner, { text: query.q, limit: query.limit ?? 30 }),
  }));
  serveRoute(app, chatRoutes.trashed, async ({ owner, query }) => {
    const page = await chats.listTrash(
      owner,
      withoutUndefined({ limit: query.limit ?? defaultPageSize, cursor: query.cursor }),
    );
    return { entries: page.items, cursor: page.cursor };
  });
}

function writingRoutes(app: FastifyInstance, { chats, idempotency }: ServerContext): void {
  serveRoute(app, chatRoutes.create, ({ owner, body, headers }) =>
    idempotency.once(owner, headers['idempotency-key'], { create: body }, () =>
      chats.create(owner, withoutUndefined(body)),
    ),
  );
  serveRoute(app, chatRoutes.update, ({ owner, params, body, headers }) =>
    chats.update(owner, params.id, { ...versionOf(headers), change: withoutUndefined(body) }),
  );
  serveRoute(app, chatRoutes.duplicate, ({ owner, params, body, headers }) =>
    idempotency.once(owner, headers['idempotency-key'], { duplicate: params.id, body }, () =>
      chats.duplicate(owner, params.id, withoutUndefined(body)),
    ),
  );
}

function trashRoutes(app: FastifyInstance, { chats }: ServerContext): void {
  serveRoute(app, chatRoutes.trash, async ({ owner, params, query, headers }) => {
    if (query.erase !== true) return chats.trash(owner, params.id, headers['if-match']);
    await chats.erase(owner, { chatId: params.id, ...versionOf(headers) });
    return null;
  });
  serveRoute(app, chatRoutes.clear, ({ owner, params, headers }) =>
    chats.clear(owner, params.id, headers['if-match']),
  );
  serveRoute(app, chatRoutes.restore, ({ owner, params }) => chats.restore(owner, params.id));
  serveRoute(app, chatRoutes.purge, async ({ owner, params }) => {
    await chats.purge(owner, params.id);
  });
  serveRoute(app, chatRoutes.eraseAll, async ({ owner }) => {
    const { chatIds } = await chats.erase(owner, { everything: true });
    return { chats: chatIds.length };
  });
}

function messageRoutesOf(app: FastifyInstance, { chats, idempotency }: ServerContext): void {
  serveRoute(app, messageRoutes.edit, ({ owner, params: { id, messageId }, body: { content }, headers }) =>
    idempotency.once(owner, headers['idempotency-key'], { edit: id, messageId, content }, () =>
      chats.edit(owner, id, { messageId, content }),
    ),
  );
  serveRoute(app, messageRoutes.update, ({ owner, params, body, headers }) =>
    chats.updateMessage(owner, params.id, {
      messageId: params.messageId,
      ...versionOf(headers),
      change: withoutUndefined(body),
    }),
  );
  serveRoute(app, messageRoutes.tokens, ({ owner, params, signal }) =>
    chats.lens(owner, { chatId: params.id, messageId: params.messageId }, signal),
  );
  serveRoute(app, messageRoutes.trash, ({ owner, params, headers }) =>
    chats.trashMessage(owner, params.id, { messageId: params.messageId, ...versionOf(headers) }),
  );
}

export function registerChatRoutes(app: FastifyInstance, context: ServerContext): void {
  readingRoutes(app, context);
  writingRoutes(app, context);
  trashRoutes(app, context);
  messageRoutesOf(app, context);
}
