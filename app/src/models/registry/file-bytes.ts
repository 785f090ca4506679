import type { FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** sha256 of a file, hex. */
export async function hashFile(
  path: string,
  options: { onProgress?: (doneBytes: number) => void; signal?: AbortSignal } = {},
): Promise<string> {
  const hash = createHash('sha256');
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  let done = 0;
  const stream: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: 1 << 20, ...signal });
  for await (const chunk of stream) {
    hash.update(chunk);
    done += chunk.length;
    options.onProgress?.(done);
  }
  return hash.digest('hex');
}
