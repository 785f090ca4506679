import { closeSync, createReadStream, createWriteStream, openSync, readSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { AppError } from '../contracts/app-error.ts';
import { beginFile } from './durable-file.ts';

/** A row holds at most one message; the API takes none beyond 8 MB, and JSON at worst writes six bytes for one. */
const maxLineCharacters = 256 * 1024 * 1024;

export async function writeLines(
  path: string,
  lines: AsyncIterable<string>,
  options = { replace: false },
): Promise<{ sizeBytes: number }> {
  const file = beginFile(path, options);
  try {
    await pipeline(
      Readable.from(withBreaks(lines)),
      createGzip(),
      createWriteStream(file.path, { mode: 0o600 }),
    );
    file.keep();
  } finally {
    file.discard();
  }
  return { sizeBytes: statSync(path).size };
}

async function* withBreaks(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}

export async function* readLines(path: string): AsyncGenerator<string> {
  const source = createReadStream(path);
  const text = source.pipe(createGunzip());
  source.on('error', (error) => text.destroy(error));
  text.setEncoding('utf8');
  // Pieces of a line that has not ended yet: joined once, or a line of many megabytes would take minutes.
  let pieces: string[] = [];
  let length = 0;
  try {
    for await (const chunk of text as AsyncIterable<string>) {
      const [first = '', ...others] = chunk.split('\n');
      pieces.push(first);
      length += first.length;
      if (length > maxLineCharacters) throw new Error('a line is longer than any row');
      for (const next of others) {
        yield pieces.join('');
        pieces = [next];
        length = next.length;
      }
    }
  } catch (error) {
    throw new AppError('file-invalid', `${path} cannot be read to its end.`, {
      hint: 'The backup is damaged or cut short; try another one.',
      cause: error,
    });
  } finally {
    source.destroy();
  }
  if (length > 0) yield pieces.join('');
}

export type BackupKind = 'sqlite' | 'archive';

/** What a file is by its first bytes, whatever its name says. */
export function backupKind(path: string): BackupKind {
  const head = Buffer.alloc(16);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new AppError('not-found', `There is no backup ${path} that can be read.`, { cause: error });
  }
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  if (head.toString('latin1') === 'SQLite format 3\0') return 'sqlite';
  if (head[0] === 0x1f && head[1] === 0x8b) return 'archive';
  throw new AppError('file-invalid', `${path} is no backup of Corral.`, {
    hint: 'Name a file that `corral backup` wrote.',
  });
}
