/** Text of tokens as it arrives: tokens are bytes, and a character may be spread over several of them. */
export class Utf8Stream {
  // A byte order mark is text like any other here.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** Whether the decoder holds no begun character. */
  #isClean = true;

  /** The characters that are complete now; bytes that can never become one are U+FFFD. */
  push(bytes: Uint8Array): string {
    if (bytes.length === 0) return '';
    // Most tokens are ASCII; the decoder costs a microsecond each, more where its code has left the caches.
    if (this.#isClean && isAscii(bytes)) return String.fromCharCode(...bytes);
    this.#isClean = bytes.at(-1)! < 0x80;
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** No more comes. True: a character was cut short; nothing of it is text. */
  end(): boolean {
    return this.#decoder.decode() !== '';
  }
}

const longestAscii = 64;

function isAscii(bytes: Uint8Array): boolean {
  return bytes.length <= longestAscii && bytes.every((byte) => byte < 0x80);
}
