import { createParser } from 'eventsource-parser';
import type { RunEvent } from '../../src/contracts/runs.ts';
import type { SeededRandom } from '../fixtures/random.ts';
import { nativeClient, type NativeClient } from '../fixtures/native-client.ts';
import type { Ledger } from './ledger.ts';

/** Long enough to be met by a fault in the middle; the model is not asked when to end. */
const sampling = { ignoreEos: true, temperature: 1 };
const pauseMs = 50;

/**
 * People at several tabs, as the server sees them: they say things, watch the answers, lose their connections and come
 * back. Everything that they were told goes into the ledger. No answer of the server, and none at all, ends them.
 */
export class HttpDriver {
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>[] = [];
  #address: string;
  #serial = 0;
  /** What went wrong in a way that no fault explains. */
  readonly surprises: string[] = [];
  /** How long the server took to acknowledge, of all that it did acknowledge. */
  readonly acceptanceMs: number[] = [];

  constructor(options: { address: string; ledger: Ledger; random: SeededRandom }) {
    this.#address = options.address;
    this.#ledger = options.ledger;
    this.#random = options.random;
  }

  get #client(): NativeClient {
    return nativeClient(this.#address);
  }

  /** Where the server answers after a restart. */
  moveTo(address: string): void {
    this.#address = address;
  }

  async begin(chats: number): Promise<void> {
    for (let index = 0; index < chats; index++) {
      const chatId = await this.#client.newChat({ sampling });
      this.#ledger.take({ told: 'chat', chatId });
      this.#work.push(this.#talk(chatId));
    }
  }

  /** Waits for `count` more acknowledged messages: proof that the server works. */
  async progress(count: number, withinMs: number): Promise<void> {
    const wanted = this.#ledger.accepted.size + count;
    const deadline = performance.now() + withinMs;
    while (this.#ledger.accepted.size < wanted) {
      if (performance.now() > deadline)
        throw new Error(`only ${this.#ledger.accepted.size} of ${wanted} messages after ${withinMs} ms`);
      await pause(pauseMs);
    }
  }

  /** Nothing new is said; answers that are being watched are watched to their end. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#work);
  }

  async #talk(chatId: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const started = await this.#say(chatId);
      if (started) await this.#watch(started.runId, started.messageId);
      else await pause(pauseMs);
    }
  }

  async #say(chatId: string): Promise<{ runId: string; messageId: string } | null> {
    const content = `nonce ${this.#serial++} ${Math.floor(this.#random.next() * 1e9)}`;
    const began = performance.now();
    try {
      const maxNewTokens = 40 + Math.floor(this.#random.next() * 200);
      const { runId, messageId, parentId, runs } = await this.#client.start(chatId, content, {
        sampling: { maxNewTokens },
      });
      this.acceptanceMs.push(performance.now() - began);
      const answers = runs.map((run) => ({ runId: run.id, messageId: run.messageId }));
      this.#ledger.take({ told: 'accepted', chatId, messageId: parentId, content, runs: answers });
      return { runId, messageId };
    } catch (error) {
      this.#judge(error);
      return null;
    }
  }

  /** Follows one answer to its end over any number of connections, each from the text at hand. */
  async #watch(runId: string, messageId: string): Promise<void> {
    const giveUp = performance.now() + 120_000;
    for (let isEnded = false; !isEnded && performance.now() < giveUp;) {
      // Every third connection is cut by its reader after a moment.
      const cutAfterMs = this.#random.next() < 0.3 ? 20 + this.#random.next() * 400 : 30_000;
      try {
        isEnded = await this.#read(runId, messageId, AbortSignal.timeout(cutAfterMs));
      } catch (error) {
        this.#judge(error);
        await pause(pauseMs);
      }
    }
  }

  async #read(runId: string, messageId: string, signal: AbortSignal): Promise<boolean> {
    const answer = await fetch(`${this.#address}/api/runs/${runId}/events?from=0`, { signal });
    if (!answer.ok || !answer.body) throw new Error(`events: ${answer.status} ${await answer.text()}`);
    let isEnded = false;
    const parser = createParser({
      onEvent: ({ data }) => {
        const event = JSON.parse(data) as RunEvent;
        this.#ledger.take({ told: 'event', messageId, event });
        if (event.type === 'end') isEnded = true;
      },
    });
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
    return isEnded;
  }

  /** Refusals that a fault explains are part of the game; a 500 or a 404 of what was acknowledged is not. */
  #judge(error: unknown): void {
    const text = String(error);
    if (/ (?:404|500) /.test(text)) this.surprises.push(text);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
