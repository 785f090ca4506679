export type HighlightSpan = [className: string, text: string];

export interface HighlightOrder {
  id: number;
  code: string;
  grammar: string;
}

export interface HighlightAnswer {
  id: number;
  spans: HighlightSpan[];
}

/** Longer code stays plain: colours are not worth the wait or the nodes. */
export const maxHighlightedCharacters = 50_000;

const rememberedCount = 200;

/** Some code keeps a grammar busy for minutes; with the first block the worker itself is fetched. */
const patienceMs = 10_000;

const plain = (code: string): HighlightSpan[] => [['', code]];

interface Waiting extends PromiseWithResolvers<HighlightSpan[]> {
  order: HighlightOrder;
}

/** Colours code in one worker for the whole page, one block after the other; what was coloured once is remembered. */
class Highlighter {
  #worker: Worker | null = null;
  #nextId = 1;
  #patience: ReturnType<typeof setTimeout> | undefined;
  /** In the order in which the worker takes them: it has the first one in hand. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #remembered = new Map<string, HighlightSpan[]>();

  recall(code: string, grammar: string): HighlightSpan[] | undefined {
    return this.#remembered.get(keyOf({ code, grammar }));
  }

  highlight(code: string, grammar: string): Promise<HighlightSpan[]> {
    const known = this.recall(code, grammar);
    if (known) return Promise.resolve(known);
    const worker = this.#start();
    if (!worker) return Promise.resolve(plain(code));
    // Drawn anew, a block asks again.
    for (const { order, promise } of this.#waiting.values())
      if (order.code === code && order.grammar === grammar) return promise;
    const order = { id: this.#nextId++, code, grammar };
    const waiting = { order, ...Promise.withResolvers<HighlightSpan[]>() };
    this.#waiting.set(order.id, waiting);
    worker.postMessage(order);
    if (this.#waiting.size === 1) this.#waitForNext();
    return waiting.promise;
  }

  #answer({ id, spans }: HighlightAnswer): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.#remember(keyOf(waiting.order), spans);
    waiting.resolve(spans);
    this.#waitForNext();
  }

  #waitForNext(): void {
    clearTimeout(this.#patience);
    const [next] = this.#waiting.values();
    if (next) this.#patience = setTimeout(() => this.#giveUp(next.order), patienceMs);
  }

  /** It stays plain, and those behind it go to another worker. */
  #giveUp({ id, code }: HighlightOrder): void {
    this.#worker?.terminate();
    this.#worker = null;
    const worker = this.#start();
    this.#answer({ id, spans: plain(code) });
    for (const { order } of this.#waiting.values()) worker?.postMessage(order);
  }

  #remember(key: string, spans: HighlightSpan[]): void {
    this.#remembered.set(key, spans);
    if (this.#remembered.size <= rememberedCount) return;
    const oldest = this.#remembered.keys().next().value;
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  #start(): Worker | null {
    if (this.#worker) return this.#worker;
    if (typeof Worker === 'undefined') return null;
    const worker = new Worker(new URL('./highlight.worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<HighlightAnswer>) => this.#answer(data));
    // It could not be fetched: what comes later is asked for again.
    worker.addEventListener('error', () => {
      clearTimeout(this.#patience);
      this.#worker = null;
      for (const { order, resolve } of this.#waiting.values()) resolve(plain(order.code));
      this.#waiting.clear();
    });
    this.#worker = worker;
    return worker;
  }
}

const keyOf = ({ code, grammar }: Pick<HighlightOrder, 'code' | 'grammar'>): string => `${grammar}\n${code}`;

export const highlighter = new Highlighter();
