/** Who pressed a key this short a time ago is still typing. */
const pauseMs = 250;
/** This long behind a letter the next one is not expected. */
const behindMs = 25;
/** From a frame's end until it is on the screen. */
const shownMs = 20;

/** Chromium's way to ask whether something was pressed that the page has not heard yet. */
const { scheduling } = navigator as { scheduling?: { isInputPending: () => boolean } };

/** Knows whether somebody types, and whether the letters so far are seen. */
export class Typing {
  #unseen = 0;
  #pressedAt = -Infinity;
  #seenAt = -Infinity;
  readonly #onSeen: () => void;

  /** `onSeen` is called when all letters so far are on the screen. */
  constructor(onSeen: () => void) {
    this.#onSeen = onSeen;
    addEventListener('keydown', () => this.#pressed(), { capture: true, passive: true });
  }

  #pressed(): void {
    this.#unseen++;
    this.#pressedAt = performance.now();
    requestAnimationFrame(() => setTimeout(() => this.#seen(), shownMs));
  }

  #seen(): void {
    this.#unseen--;
    if (this.#unseen > 0) return;
    this.#seenAt = performance.now();
    this.#onSeen();
  }

  /** A letter is not on the screen yet, or was not even heard. */
  get isUnseen(): boolean {
    return this.#unseen > 0 || (scheduling?.isInputPending() ?? false);
  }

  /** The next letter may come at any moment. */
  get isKeyLikely(): boolean {
    const now = performance.now();
    return this.isUnseen || (now - this.#pressedAt < pauseMs && now - this.#seenAt > behindMs);
  }
}
