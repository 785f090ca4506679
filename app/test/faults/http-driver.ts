import { createParser } from 'eventsource-parser';
import type { StartedRun } from '../../src/contracts/api/runs.ts';
import type { RunEvent } from '../../src/contracts/runs.ts';
import { nativeClient } from '../fixtures/native-client.ts';
import type { SeededRandom } from '../fixtures/random.ts';
import type { Ledger } from './ledger.ts';

/** Long enough to be met by a fault in the middle; the model is not asked when to end. */
const sampling = { ignoreEos: true, temperature: 1 };
const shortestTokens = 20;
const longestTokens = 100;
const pauseMs = 50;
/** A server that is stopped takes connections and says nothing. */
const answerWithinMs = 10_000;

interface Saying {
  content: string;
  /** The same at each try, so that saying it again does not say it twice. */
  key: string;
  maxNewTokens: number;
}

/**
 * People at several tabs, as the server sees them: they say things, watch the answers, lose their connections and come
 * back. Everything that they were told goes into the ledger. No answer of the server, and none at all, ends them.
 */
export class HttpDriver {
  readonly #address: string;
  readonly #ledger: Ledger;
  readonly #random: SeededRandom;
  readonly #stop = new AbortController();
  readonly #work: Promise<void>[] = [];
  #serial = 0;
  /** What went wrong in a way that no fault explains. */
  readonly surprises: string[] = [];

  constructor(options: { address: string; ledger: Ledger; random: SeededRandom }) {
    this.#address = options.address;
    this.#ledger = options.ledger;
    this.#random = options.random;
  }

  async begin(chats: number): Promise<void> {
    for (let index = 0; index < chats; index++) {
      const chatId = await nativeClient(this.#address).newChat({ sampling });
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

  /** Until it is acknowledged or refused: whoever hears nothing says it again. */
  async #say(chatId: string): Promise<StartedRun | null> {
    const saying = {
      content: `nonce ${this.#serial++} ${Math.floor(this.#random.next() * 1e9)}`,
      key: crypto.randomUUID(),
      maxNewTokens: shortestTokens + Math.floor(this.#random.next() * (longestTokens - shortestTokens)),
    };
    while (!this.#stop.signal.aborted) {
      try {
        const started = await this.#send(chatId, saying);
        if (started) {
          const answers = started.runs.map((run) => ({ runId: run.id, messageId: run.messageId }));
          const { content } = saying;
          this.#ledger.take({
            told: 'accepted',
            chatId,
            messageId: started.parentId,
            content,
            runs: answers,
          });
        }
        return started;
      } catch {
        await pause(pauseMs);
      }
    }
    return null;
  }

  /** Null: refused. Throws when nothing, or not the whole answer, was heard. */
  async #send(chatId: string, { content, key, maxNewTokens }: Saying): Promise<StartedRun | null> {
    const answer = await fetch(`${this.#address}/api/chats/${chatId}/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ input: { kind: 'message', content }, settings: { sampling: { maxNewTokens } } }),
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text) as StartedRun;
    this.#judge(answer.status, text);
    return null;
  }

  /** Follows one answer to its end over any number of connections, each from the text at hand. */
  async #watch(runId: string, messageId: string): Promise<void> {
    const giveUp = performance.now() + 120_000;
    for (let isEnded = false; !isEnded && performance.now() < giveUp;) {
      // Every third connection is cut by its reader after a moment.
      const cutAfterMs = this.#random.next() < 0.3 ? 20 + this.#random.next() * 400 : 30_000;
      try {
        isEnded = await this.#read(runId, messageId, AbortSignal.timeout(cutAfterMs));
      } catch {
        await pause(pauseMs);
      }
    }
  }

  async #read(runId: string, messageId: string, signal: AbortSignal): Promise<boolean> {
    const answer = await fetch(`${this.#address}/api/runs/${runId}/events?from=0`, { signal });
    if (!answer.ok || !answer.body) {
      this.#judge(answer.status, await answer.text());
      throw new Error(`events: ${answer.status}`);
    }
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

  /**
   * Refusals that a fault explains are part of the game; a 404 of what was acknowledged is not, and neither is a 500,
   * but where a disk reports an error and the answer says so.
   */
  #judge(status: number, text: string): void {
    if (status === 404 || (status === 500 && !text.includes('"input-output"')))
      this.surprises.push(`${status} ${text}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
