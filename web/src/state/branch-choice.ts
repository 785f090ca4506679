import type { MessageTree } from './message-tree.ts';

export interface BranchChoiceOptions {
  save: (leafId: string) => Promise<void>;
  /** Asks the server for the chat, which is shown as it is there. */
  lookAgain: () => void;
}

/**
 * Which branch of a chat somebody chose to see: shown at once, saved one after another. What the server says meanwhile
 * never hides a choice that is still on its way; one that it does not take is not shown any longer.
 */
export class BranchChoice {
  readonly #options: BranchChoiceOptions;
  /** The last one, while the server does not have it. */
  #pending: { leafId: string } | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(options: BranchChoiceOptions) {
    this.#options = options;
  }

  /** The end of the branch to be shown: what the server said, unless another one is on its way there. */
  taken(leafId: string | null, tree: MessageTree): string | null {
    const chosen = tree.get(this.#pending?.leafId ?? '')?.id;
    return chosen ?? leafId ?? tree.newestLeaf();
  }

  make(leafId: string): Promise<void> {
    const choice = { leafId };
    this.#pending = choice;
    const made = this.#last.then(() => this.#save(choice));
    this.#last = made.catch(() => undefined);
    return made;
  }

  /** Resolves when every choice made so far is saved, or said not to be. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #save(choice: { leafId: string }): Promise<void> {
    // Another one came after it, which is the one to be kept.
    if (this.#pending !== choice) return;
    try {
      await this.#options.save(choice.leafId);
    } finally {
      if (this.#pending === choice) {
        this.#pending = null;
        this.#options.lookAgain();
      }
    }
  }
}
