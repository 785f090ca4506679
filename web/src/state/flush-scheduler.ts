import { Typing } from './typing.ts';

/** Text is shown at most this often, and less often where drawing it takes long. */
const shortestGapMs = 33;
const longestGapMs = 100;
/** While somebody types, text comes right behind a letter, where no key has to wait for its drawing, or after this. */
const typingGapMs = 250;
/** A hidden tab gets no animation frames; its text may lag, not stand still. */
const hiddenGapMs = 500;
/** Drawing may take this share of the time. */
const costShare = 0.25;

/**
 * Collects what changed and publishes it once a frame. What is published is drawn synchronously by React; the time
 * that takes sets the next gap.
 */
export class FlushScheduler {
  readonly #typing = new Typing(() => this.#behindLetter());
  readonly #dirty = new Set<() => void>();
  #isPlanned = false;
  #lastFlushAt = -Infinity;
  #gapMs = shortestGapMs;
  /** Set while the next flush waits for its frame's time to come. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  request(publish: () => void): void {
    this.#dirty.add(publish);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    if (document.hidden) setTimeout(() => this.#flush(), hiddenGapMs);
    else this.#frameAfter(this.#typing.isKeyLikely ? typingGapMs : this.#gapMs);
  }

  /** Publishes at once; used at the end of an answer, which nobody should wait for. */
  flushNow(): void {
    this.#flush();
  }

  #behindLetter(): void {
    if (this.#timer !== undefined) this.#frameAfter(this.#gapMs);
  }

  #frameAfter(gapMs: number): void {
    this.#endWait();
    const wait = this.#lastFlushAt + gapMs - performance.now();
    if (wait > 8) this.#timer = setTimeout(() => this.#frame(), wait);
    else this.#frame();
  }

  #endWait(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #frame(): void {
    this.#endWait();
    // A tab hidden between now and the frame would wait for ever: the timer is the way out.
    let isDone = false;
    const once = (): void => {
      if (isDone) return;
      isDone = true;
      this.#flush();
    };
    requestAnimationFrame(() => {
      // Whoever types sees the letter a picture earlier; the text comes in the next one, whatever is pressed meanwhile.
      if (this.#typing.isUnseen) requestAnimationFrame(once);
      else once();
    });
    setTimeout(once, hiddenGapMs);
  }

  #flush(): void {
    this.#endWait();
    this.#isPlanned = false;
    if (this.#dirty.size === 0) return;
    const started = performance.now();
    const publishers = [...this.#dirty];
    this.#dirty.clear();
    for (const publish of publishers) publish();
    queueMicrotask(() => {
      const cost = performance.now() - started;
      // Told to whoever observes the page's performance, and not kept.
      performance.measure('corral-flush', { start: started, duration: cost });
      performance.clearMeasures('corral-flush');
      this.#lastFlushAt = performance.now();
      this.#gapMs = Math.min(longestGapMs, Math.max(shortestGapMs, cost / costShare));
    });
  }
}

export const flushScheduler = new FlushScheduler();
