import { AppError } from '../../contracts/app-error.ts';
import { maxFrameBytes } from './protocol.ts';

/** A frame is the length of its body as a little-endian 32-bit integer, then the body: one JSON value in UTF-8. */
const headerBytes = 4;

export function encodeFrame(message: unknown): Buffer {
  const body = JSON.stringify(message);
  const bodyBytes = Buffer.byteLength(body);
  if (bodyBytes > maxFrameBytes) {
    throw new AppError(
      'body-too-large',
      `A message of ${bodyBytes} bytes is larger than the ${maxFrameBytes} bytes that fit in a frame.`,
    );
  }
  const frame = Buffer.allocUnsafe(headerBytes + bodyBytes);
  frame.writeUInt32LE(bodyBytes, 0);
  frame.write(body, headerBytes);
  return frame;
}

/** Cuts a byte stream into frames. Throws `bad-request` at the first frame that is too long or not JSON. */
export function createFrameReader(): { push(chunk: Uint8Array): unknown[] } {
  let chunks: Uint8Array[] = [];
  let held = 0;
  let needed = headerBytes;
  let bodyBytes = -1;

  const take = (size: number): Buffer => {
    const all = chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks, held);
    chunks = held > size ? [all.subarray(size)] : [];
    held -= size;
    return all.subarray(0, size);
  };

  return {
    push(chunk) {
      chunks.push(chunk);
      held += chunk.length;
      const messages: unknown[] = [];
      while (held >= needed) {
        if (bodyBytes < 0) {
          bodyBytes = take(headerBytes).readUInt32LE(0);
          if (bodyBytes > maxFrameBytes) {
            throw new AppError(
              'bad-request',
              `A frame announces ${bodyBytes} bytes; ${maxFrameBytes} are allowed.`,
            );
          }
          needed = bodyBytes;
          continue;
        }
        messages.push(parseBody(take(bodyBytes)));
        bodyBytes = -1;
        needed = headerBytes;
      }
      return messages;
    },
  };
}

function parseBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (cause) {
    throw new AppError('bad-request', 'A frame does not hold JSON.', { cause });
  }
}
