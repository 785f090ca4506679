import { type Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { AppError } from '../contracts/app-error.ts';
import { toNetworkError } from './network-errors.ts';

export interface BodyLimits {
  host: string;
  /** Cap on what travels and, separately, on what it unpacks to. */
  maxBytes: number;
  /** A body slower than `minBytesPerSecond` over a whole window is given up. */
  slowWindowMs: number;
  minBytesPerSecond: number;
  signal?: AbortSignal | undefined;
}

/**
 * The bytes of an answer, unpacked, under all limits. Rejects with `answer-too-large`, `timed-out`, `network-failed`
 * or `cancelled`; leaving the loop early closes the connection. Time that the caller takes is not held against the host.
 */
export async function* readBody(
  body: Readable,
  encoding: string,
  limits: BodyLimits,
): AsyncGenerator<Uint8Array> {
  const parts = [body, ...decodersFor(encoding, limits)];
  for (const [index, target] of parts.entries()) {
    const source = parts[index - 1];
    source?.on('error', (error) => target.destroy(error)).pipe(target as Transform);
  }
  const pace = createPace(limits);
  const chunks = (parts.at(-1) as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let total = 0;
  try {
    for (;;) {
      const askedAt = performance.now();
      const next = await chunks.next();
      if (next.done === true) return;
      total += next.value.length;
      if (total > limits.maxBytes) throw tooLarge(limits);
      pace(next.value.length, performance.now() - askedAt);
      yield next.value;
    }
  } catch (error) {
    throw toNetworkError(error, limits.host, { signal: limits.signal });
  } finally {
    for (const part of parts) part.on('error', () => undefined).destroy();
  }
}

/** Reads a whole body; the caller's `maxBytes` bounds the memory. */
export async function collectBody(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function createPace(limits: BodyLimits): (bytes: number, waitedMs: number) => void {
  let windowBytes = 0;
  let windowMs = 0;
  return (bytes, waitedMs) => {
    windowBytes += bytes;
    windowMs += waitedMs;
    if (windowMs < limits.slowWindowMs) return;
    if ((windowBytes / windowMs) * 1000 < limits.minBytesPerSecond) throw tooSlow(limits);
    windowBytes = 0;
    windowMs = 0;
  };
}

/** What unpacks the body, after a meter: packed bytes may unpack to nothing and still never end. */
function decodersFor(encoding: string, limits: BodyLimits): Transform[] {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return [];
    case 'gzip':
    case 'x-gzip':
      return [createMeter(limits), createGunzip()];
    case 'deflate':
      return [createMeter(limits), createInflate()];
    case 'br':
      return [createMeter(limits), createBrotliDecompress()];
    default:
      throw new AppError(
        'network-failed',
        `${limits.host} packed its answer in a way that was not asked for.`,
        {
          details: { host: limits.host, encoding: encoding.slice(0, 40) },
        },
      );
  }
}

function createMeter(limits: BodyLimits): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      done(total > limits.maxBytes ? tooLarge(limits) : null, chunk);
    },
  });
}

function tooLarge(limits: BodyLimits): AppError {
  return new AppError('answer-too-large', `${limits.host} sent more than ${limits.maxBytes} bytes.`, {
    hint: 'No honest answer here is that large; check the address.',
    details: { host: limits.host, maxBytes: limits.maxBytes },
  });
}

function tooSlow(limits: BodyLimits): AppError {
  return new AppError('timed-out', `${limits.host} sends too slowly to ever finish.`, {
    details: { host: limits.host, minBytesPerSecond: limits.minBytesPerSecond },
  });
}
