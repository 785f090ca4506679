import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { AppError } from '../../contracts/app-error.ts';

/** What an archive of libraries may hold. The largest known unpacks to 1.2 GB. */
const limits = {
  totalBytes: 4 * 2 ** 30,
  files: 500,
} as const;

const blockBytes = 512;

/**
 * Takes the libraries of an npm package's archive into one folder. Only regular files below `package/bins/` are
 * taken, by their last name alone: an archive cannot say where anything goes.
 */
export async function unpackLibraries(archive: AsyncIterable<Uint8Array>, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const bytes = new TarBytes(Readable.from(archive).pipe(createGunzip()));
  const names: string[] = [];
  try {
    for (let header = await bytes.header(); header !== null; header = await bytes.header()) {
      const name = libraryName(header);
      if (name !== null && names.push(name) <= limits.files) {
        const target = createWriteStream(join(folder, name), { flags: 'wx', mode: 0o600 });
        await pipeline(bytes.content(header.sizeBytes), target);
      } else {
        for await (const _ of bytes.content(header.sizeBytes));
      }
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw invalidArchive('it is damaged', cause);
  }
  return names;
}

interface TarHeader {
  path: string;
  sizeBytes: number;
  isFile: boolean;
}

function libraryName({ path, isFile }: TarHeader): string | null {
  if (!isFile || !path.startsWith('package/bins/')) return null;
  const name = basename(path);
  return /^[\w.-]+\.(so|dylib|dll)(\.\d+)*$/u.test(name) ? name : null;
}

/** Reads a tar stream in order: a header, its content, the next header. */
class TarBytes {
  readonly #iterator: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #total = 0;

  constructor(stream: Readable) {
    this.#iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async header(): Promise<TarHeader | null> {
    const block = await this.#take(blockBytes);
    if (block.length < blockBytes || block.every((byte) => byte === 0)) return null;
    const text = (from: number, to: number): string => {
      const end = block.indexOf(0, from);
      return block.toString('latin1', from, end >= from && end < to ? end : to);
    };
    const sizeBytes = Number.parseInt(text(124, 136).trim(), 8);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw invalidArchive('a size in it is no number');
    const kind = text(156, 157);
    const prefix = text(345, 500);
    const name = text(0, 100);
    return {
      path: prefix === '' ? name : `${prefix}/${name}`,
      sizeBytes,
      isFile: kind === '0' || kind === '',
    };
  }

  async *content(sizeBytes: number): AsyncGenerator<Buffer> {
    let left = sizeBytes;
    while (left > 0) {
      const piece = await this.#take(Math.min(left, 1 << 20));
      if (piece.length === 0) throw invalidArchive('it ends early');
      left -= piece.length;
      yield piece;
    }
    await this.#take((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
  }

  async #take(length: number): Promise<Buffer> {
    const pieces = [this.#rest];
    let held = this.#rest.length;
    while (held < length) {
      const next = await this.#iterator.next();
      if (next.done === true) break;
      this.#total += next.value.length;
      if (this.#total > limits.totalBytes) throw invalidArchive('it unpacks to more than 4 GiB');
      pieces.push(next.value);
      held += next.value.length;
    }
    const all = pieces.length === 1 ? this.#rest : Buffer.concat(pieces, held);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }
}

function invalidArchive(why: string, cause?: unknown): AppError {
  return new AppError('engine-library-refused', `The archive of libraries cannot be used: ${why}.`, {
    hint: 'Try again; if it stays so, the registry delivers something else than it should.',
    ...(cause === undefined ? {} : { cause }),
  });
}
