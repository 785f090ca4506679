/** Text of tokens as it arrives: tokens are bytes, and a character may be spread over several of them. */
export class Utf8Stream {
  // A byte order mark is text like any other here.
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** The characters that are complete now; bytes that can never become one are U+FFFD. */
  push(bytes: Uint8Array): string {
    return bytes.length === 0 ? '' : this.#decoder.decode(bytes, { stream: true });
  }

  /** What is left at the end: a character cut short is U+FFFD. */
  end(): string {
    const rest = this.#decoder.decode();
    this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    return rest;
  }
}
