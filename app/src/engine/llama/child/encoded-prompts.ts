import { performance } from 'node:perf_hooks';
import type { EncodedPrompt } from '../../../prompts/encode-prompt.ts';
import type { ComposedPrompt } from '../../../prompts/prompt-composer.ts';
import type { WirePrompt } from '../protocol.ts';

export type ChatPrompt = Extract<WirePrompt, { kind: 'chat' }>;
export type EncodedChat = ComposedPrompt & EncodedPrompt;

/** Several people count and ask at once. */
const mostKept = 8;
/** Templates may tell the date. */
const keptMs = 10_000;
/** Writing and encoding longer ones is little beside reading them. */
const mostCharacters = 262_144;

/**
 * Whoever wants an answer has its prompt counted just before, and a first token waits for both: what was written and
 * encoded for the count serves the answer too.
 */
export class EncodedPrompts {
  readonly #encode: (prompt: ChatPrompt) => Promise<EncodedChat>;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #kept = new Map<string, { at: number; encoded: Promise<EncodedChat> }>();

  constructor(encode: (prompt: ChatPrompt) => Promise<EncodedChat>, now = () => performance.now()) {
    this.#encode = encode;
    this.#now = now;
  }

  of(prompt: ChatPrompt): Promise<EncodedChat> {
    const key = JSON.stringify(prompt);
    const known = this.#kept.get(key);
    if (known !== undefined && this.#now() - known.at < keptMs) return known.encoded;
    const encoded = this.#encode(prompt);
    if (key.length <= mostCharacters) this.#keep(key, encoded);
    return encoded;
  }

  #keep(key: string, encoded: Promise<EncodedChat>): void {
    const entry = { at: this.#now(), encoded };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    for (const oldest of this.#kept.keys()) if (this.#kept.size > mostKept) this.#kept.delete(oldest);
    // What failed may be asked again; whoever asked hears of it.
    encoded.catch(() => {
      if (this.#kept.get(key) === entry) this.#kept.delete(key);
    });
  }
}
