import { AppError } from '../contracts/app-error.ts';
import { transferRoutes, type ImportResult } from '../contracts/api/transfer.ts';

/** The server takes no larger body. */
const maxBytes: number = transferRoutes.import.bodyLimitBytes;

/** What is sent at once. */
export interface ImportPiece {
  body: unknown;
  /** Place in the file of the first chat in it. */
  from: number;
}

/** Our own file, which anybody's export of all chats may make larger than what is taken at once. */
interface OwnFile {
  format: 'corral';
  chats: unknown[];
}

function isOwn(data: unknown): data is OwnFile {
  const { format, chats } = (data ?? {}) as Partial<OwnFile>;
  return format === 'corral' && Array.isArray(chats);
}

export function tooLarge(path: string, sizeBytes: number, most: number): AppError {
  return new AppError('body-too-large', `${path} has ${sizeBytes} bytes; at most ${most} are taken at once`, {
    hint: 'Split it into several files: each of the formats is a list of chats.',
  });
}

/** A file in as many pieces as it takes. Chats that no piece has room for are put on the list of the skipped. */
export function* importPieces(
  data: unknown,
  { path, sizeBytes, skipped }: { path: string; sizeBytes: number; skipped: ImportResult['skipped'] },
): Generator<ImportPiece> {
  if (sizeBytes <= maxBytes) {
    yield { body: data, from: 0 };
    return;
  }
  if (!isOwn(data)) throw tooLarge(path, sizeBytes, maxBytes);
  const headBytes = Buffer.byteLength(JSON.stringify({ ...data, chats: [] }));
  const pieceOf = (from: number, to: number): ImportPiece => ({
    body: { ...data, chats: data.chats.slice(from, to) },
    from,
  });
  let from = 0;
  let bytes = headBytes;
  for (const [index, chat] of data.chats.entries()) {
    const chatBytes = Buffer.byteLength(JSON.stringify(chat)) + 1;
    const isTooLarge = headBytes + chatBytes > maxBytes;
    if (bytes + chatBytes > maxBytes) {
      if (index > from) yield pieceOf(from, index);
      from = isTooLarge ? index + 1 : index;
      bytes = headBytes;
    }
    if (isTooLarge)
      skipped.push({ index, reason: `it has ${chatBytes} bytes; at most ${maxBytes} are taken at once` });
    else bytes += chatBytes;
  }
  if (from < data.chats.length) yield pieceOf(from, data.chats.length);
}

/** What came of a piece is added to what came of those before it, as if all had been sent at once. */
export function addPiece(sum: ImportResult, result: ImportResult, from: number): void {
  sum.format = result.format;
  sum.chats += result.chats;
  sum.messages += result.messages;
  sum.chatIds.push(...result.chatIds);
  sum.passedOver += result.passedOver;
  for (const { index, reason } of result.skipped) sum.skipped.push({ index: index + from, reason });
}
