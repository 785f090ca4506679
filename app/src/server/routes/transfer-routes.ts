import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { importableFiles, transferRoutes } from '../../contracts/api/transfer.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { ExportedFile } from '../../chat/chats.ts';
import type { ServerContext } from '../server-context.ts';
import { parseJsonBody, type Refuse } from '../json-body.ts';
import { serveRoute } from '../serve-route.ts';

/**
 * ChatGPT's export of years has many keys and nests deeper than a call; still bounded: exports have a list or an object
 * in 100 bytes, and where a file has one in three, they alone would fill the memory. Texts that were cut inside a
 * character are common in exports, and one of them should not cost all the others.
 */
const importLimits = {
  maxDepth: 256,
  maxKeys: 20_000_000,
  maxValues: 40_000_000,
  maxContainers: 4_000_000,
  mendsTexts: true,
};
/** The body is somebody's file, and so it is called. */
const refuseFile: Refuse = (reason, cause) =>
  new AppError('file-invalid', `the file cannot be read: ${reason}`, { hint: importableFiles, cause });

/** A name without anything that a header or a disk could take amiss; letters of other scripts in the second form. */
function dispositionOf(fileName: string): string {
  const plain = fileName.replaceAll(/[^\w.-]+/g, '-').slice(0, 100);
  const whole = fileName
    .replaceAll(/[^\p{L}\p{N}\p{M}_.-]+/gu, '-')
    .slice(0, 100)
    .toWellFormed();
  const further = whole === plain ? '' : `; filename*=UTF-8''${encodeURIComponent(whole)}`;
  return `attachment; filename="${plain}"${further}`;
}

/** S8: as a download, of a kind that we named, never shown. */
function sendFile(reply: FastifyReply, file: ExportedFile): FastifyReply {
  return reply
    .header('content-type', file.mediaType)
    .header('content-disposition', dispositionOf(file.fileName))
    .send(Readable.from(file.chunks, { objectMode: false }));
}

export function registerTransferRoutes(app: FastifyInstance, { chats }: ServerContext): void {
  serveRoute(app, transferRoutes.exportAll, async ({ owner, query, reply }) =>
    sendFile(reply, await chats.export(owner, { format: query.format ?? 'json' })),
  );
  serveRoute(app, transferRoutes.exportChat, async ({ owner, params, query, reply }) =>
    sendFile(reply, await chats.export(owner, { format: query.format ?? 'json', chatId: params.id })),
  );
  serveRoute(app, transferRoutes.exportMessage, async ({ owner, params, query, reply }) => {
    const format = query.format ?? 'markdown';
    return sendFile(
      reply,
      await chats.export(owner, { format, chatId: params.id, messageId: params.messageId }),
    );
  });
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const types = ['application/json', 'application/octet-stream', 'text/plain'];
    scope.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, bytes, done) => {
      try {
        done(null, parseJsonBody(bytes as Buffer, importLimits, refuseFile));
      } catch (error) {
        done(error as Error);
      }
    });
    serveRoute(scope, transferRoutes.import, ({ owner, body }) => chats.import(owner, body));
  });
}
