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

/** Colours code in one worker for the whole page; what was coloured once is remembered. */
class Highlighter {
  #worker: Worker | null = null;
  #nextId = 1;
  readonly #waiting = new Map<number, (spans: HighlightSpan[]) => void>();
  readonly #remembered = new Map<string, HighlightSpan[]>();

  recall(code: string, grammar: string): HighlightSpan[] | undefined {
    return this.#remembered.get(`${grammar}\n${code}`);
  }

  highlight(code: string, grammar: string): Promise<HighlightSpan[]> {
    const key = `${grammar}\n${code}`;
    const known = this.#remembered.get(key);
    if (known) return Promise.resolve(known);
    const worker = this.#start();
    if (!worker) return Promise.resolve([['', code]]);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, (spans) => {
        this.#remember(key, spans);
        resolve(spans);
      });
      worker.postMessage({ id, code, grammar } satisfies HighlightOrder);
    });
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
    worker.addEventListener('message', (event: MessageEvent<HighlightAnswer>) => {
      const done = this.#waiting.get(event.data.id);
      this.#waiting.delete(event.data.id);
      done?.(event.data.spans);
    });
    worker.addEventListener('error', () => {
      this.#worker = null;
      this.#waiting.clear();
    });
    this.#worker = worker;
    return worker;
  }
}

export const highlighter = new Highlighter();
