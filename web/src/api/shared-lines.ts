import { randomId } from '../ui/browser.ts';

/** Browsers allow six connections to one origin, all tabs together; the others are for what is asked and sent. */
const maxLines = 4;

interface Word {
  tabId: string;
  isHeld: boolean;
  isHidden: boolean;
}

/** The lines of all tabs of a browser: the tabs that took one last keep theirs, those in view before hidden ones. */
export class SharedLines {
  readonly #otherTabs = new BroadcastChannel('corral.lines');
  readonly #tabId = randomId();
  readonly #onTooMany: () => void;
  #isHeld = false;
  /** The tabs that took theirs after this one did. */
  readonly #later = new Set<string>();

  constructor(onTooMany: () => void) {
    this.#onTooMany = onTooMany;
    this.#otherTabs.addEventListener('message', ({ data }) => this.#hear(data as Word));
  }

  take(): void {
    this.#isHeld = true;
    this.#later.clear();
    this.#tell();
  }

  giveBack(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#tell();
  }

  #tell(): void {
    const word: Word = { tabId: this.#tabId, isHeld: this.#isHeld, isHidden: document.hidden };
    this.#otherTabs.postMessage(word);
  }

  #hear({ tabId, isHeld, isHidden }: Word): void {
    if (!isHeld) this.#later.delete(tabId);
    if (!isHeld || !this.#isHeld) return;
    if (isHidden && !document.hidden) {
      this.take();
      return;
    }
    this.#later.add(tabId);
    if (this.#later.size >= maxLines) this.#onTooMany();
  }
}
