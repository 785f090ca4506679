import type { OpenedChat } from '@corral/app/contracts/api/chats';
import { ApiError } from '../api/request.ts';
import { whenDrawn } from '../ui/browser.ts';

/** As many as are in the document as a whole anyway: a chat of no more is here at once. */
const lastFirst = 100;
const longestPauseMs = 10_000;
const refreshDelayMs = 400;
/** A notice this soon after an action of this tab is about that action. */
const ownEchoMs = 2_500;

export interface ChatLoadingOptions {
  ask: (part: { last?: number }) => Promise<OpenedChat>;
  onOpened: (opened: OpenedChat) => void;
  /** There is nothing to show: it never came, or it is gone. */
  onFailed: (reason: 'missing' | 'failed', error: unknown) => void;
}

/** Brings a chat from the server: when it is opened its end first, and all of it again when it changed elsewhere. */
export class ChatLoading {
  readonly #options: ChatLoadingOptions;
  #here: 'nothing' | 'end' | 'whole' = 'nothing';
  #ownChangeAt = -Infinity;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  /** Each tells whether it still is a reason to look again. */
  #reasons: (() => boolean)[] = [];
  #isClosed = false;

  constructor(options: ChatLoadingOptions) {
    this.#options = options;
  }

  /** The last messages, which one sees, and once they are drawn all of them. */
  async endFirst(): Promise<void> {
    await this.#load({ last: lastFirst });
    for (let pauseMs = 0; this.#isInPart; pauseMs = Math.min(longestPauseMs, 500 + 2 * pauseMs)) {
      await whenDrawn(pauseMs);
      await this.whole();
    }
  }

  whole(): Promise<void> {
    return this.#load({});
  }

  /** Other branches are known only then. If they cannot be had now, what is here has to do. */
  async rest(): Promise<void> {
    if (this.#isInPart) await this.whole();
  }

  get #isInPart(): boolean {
    return this.#here === 'end' && !this.#isClosed;
  }

  async #load(part: { last?: number }): Promise<void> {
    try {
      const opened = await this.#ask(part);
      // Its end may be slower than all of it, and says nothing new then.
      if (!opened.whole && this.#here === 'whole') return;
      this.#here = opened.whole ? 'whole' : 'end';
      this.#options.onOpened(opened);
    } catch (error) {
      const isMissing = error instanceof ApiError && error.status === 404;
      if (this.#here !== 'nothing' && !isMissing) return;
      this.#here = 'nothing';
      this.#options.onFailed(isMissing ? 'missing' : 'failed', error);
    }
  }

  /** What was asked for before a change of one's own, and comes after it, would hide the change. */
  async #ask(part: { last?: number }): Promise<OpenedChat> {
    for (;;) {
      const askedAt = performance.now();
      const opened = await this.#options.ask(part);
      if (this.#ownChangeAt <= askedAt) return opened;
    }
  }

  /** A change of one's own: a notice of it needs no look, and no look from before it is believed. */
  async own<Result>(changing: Promise<Result>): Promise<Result> {
    this.#ownChangeAt = performance.now();
    try {
      return await changing;
    } finally {
      this.#ownChangeAt = performance.now();
    }
  }

  /** Another tab or the server changed it. */
  changed(version: number | null, known: number | undefined): void {
    if (version !== null && version === known && performance.now() - this.#ownChangeAt < ownEchoMs) return;
    this.lookSoon(() => true);
  }

  /** Once for all that is heard within a moment, and only if one of it is news by then. */
  lookSoon(isNews: () => boolean): void {
    this.#reasons.push(isNews);
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => {
      const reasons = this.#reasons;
      this.#reasons = [];
      if (reasons.some((isStillNews) => isStillNews())) void this.whole();
    }, refreshDelayMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#refreshTimer);
  }
}
