import { createHash } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { AppError } from '../../contracts/app-error.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import type { ConversionPlan } from './conversion-plan.ts';

const pieceBytes = 1 << 20;

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch {
    return undefined;
  }
}

/** The result while it is being made: `OUTPUT.part`, as long as the finished file from the start. */
export class UnfinishedFile {
  readonly path: string;
  readonly #output: string;
  readonly #handle: FileHandle;

  private constructor(output: string, handle: FileHandle) {
    this.#output = output;
    this.path = `${output}.part`;
    this.#handle = handle;
  }

  /** Opens what an earlier run left, or undefined where there is none of this size. */
  static async reopen(output: string, sizeBytes: number): Promise<UnfinishedFile | undefined> {
    const handle = await openIfThere(`${output}.part`);
    if (!handle) return undefined;
    const { size } = await handle.stat();
    if (size === sizeBytes) return new UnfinishedFile(output, handle);
    await handle.close();
    return undefined;
  }

  static async create(output: string, sizeBytes: number): Promise<UnfinishedFile> {
    const handle = await open(`${output}.part`, 'w+', 0o600);
    try {
      await handle.truncate(sizeBytes);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new UnfinishedFile(output, handle);
  }

  async writeAt(offset: number, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await this.#handle.read(bytes, 0, length, offset);
    if (bytesRead !== length) throw new AppError('input-output', 'The unfinished file became shorter.');
    return bytes;
  }

  async checkSum(offset: number, length: number): Promise<number> {
    return crc32(await this.#read(offset, length));
  }

  /** Reads the whole file as any other GGUF file is read before it is used, then once more for its hash. */
  async verify(
    plan: ConversionPlan,
    onProgress: (doneBytes: number) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const { sizeBytes, tensors } = plan.layout;
    const source: ByteSource = {
      name: 'the converted file',
      sizeBytes,
      read: (offset, length) => this.#read(offset, length),
    };
    const read = await readGguf(source, { signal });
    const isSame = read.tensors.every(({ name, offset }, index) => {
      const planned = tensors[index];
      return planned?.name === name && planned.offset === offset;
    });
    if (!isSame || read.tensors.length !== tensors.length)
      throw new AppError('internal', 'The converted file does not hold what was planned.');
    const hash = createHash('sha256');
    for (let at = 0; at < sizeBytes; at += pieceBytes) {
      signal.throwIfAborted();
      hash.update(await this.#read(at, Math.min(pieceBytes, sizeBytes - at)));
      onProgress(Math.min(sizeBytes, at + pieceBytes));
    }
    return hash.digest('hex');
  }

  /** Gives the file its name; it and the name are on the disk when this returns. */
  async finish(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.path, this.#output);
    const folder = await open(dirname(this.#output), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async remove(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }
}
