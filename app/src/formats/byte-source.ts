import { AppError } from '../contracts/app-error.ts';

/**
 * Bytes at known places: a file on this machine, a file on a server that answers ranges, or memory.
 * Every reader of `formats/` takes one, so that none of them does input or output itself.
 */
export interface ByteSource {
  /** For messages only; never a path to open. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`; rejects where the source has fewer. */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * The bytes from `offset` to the end of the source in order, in pieces of any size, each fetched only when asked for.
   * Absent where a source has no cheaper way than `read`.
   */
  stream?(offset: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Bytes that are in memory already. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    sizeBytes: bytes.byteLength,
    read: (offset, length) =>
      offset < 0 || length < 0 || offset + length > bytes.byteLength
        ? Promise.reject(endsEarly(name, offset, length, bytes.byteLength))
        : Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/** The error of every source that is asked for bytes behind its end. */
export function endsEarly(name: string, offset: number, length: number, sizeBytes: number): AppError {
  return new AppError('file-invalid', `${name} ends at byte ${sizeBytes}, before ${offset} + ${length}.`, {
    hint: 'The file is cut short; fetch it again.',
    details: { name, offset, length, sizeBytes },
  });
}

/** Bytes in order through whichever way the source has; `pieceBytes` bounds each piece read without `stream`. */
export async function* streamOf(
  source: ByteSource,
  offset: number,
  signal?: AbortSignal,
  pieceBytes = 1 << 20,
): AsyncIterable<Uint8Array> {
  if (source.stream) {
    yield* source.stream(offset, signal);
    return;
  }
  for (let at = offset; at < source.sizeBytes; at += pieceBytes) {
    signal?.throwIfAborted();
    yield await source.read(at, Math.min(pieceBytes, source.sizeBytes - at), signal);
  }
}
