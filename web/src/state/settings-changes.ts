import type { Chat, ChatSettings } from '@corral/app/contracts/chats';
import { ApiError } from '../api/request.ts';

export type SettingsChange = (settings: ChatSettings) => ChatSettings;

export interface SettingsChangesOptions {
  save: (settings: ChatSettings, version: number) => Promise<Chat>;
  /** Asks the server for the chat; what comes goes through `taken`. */
  lookAgain: () => Promise<void>;
  /** What the page shows has changed. */
  onShown: (chat: Chat) => void;
}

/** A change meets another tab's this often before it is given up. */
const attempts = 3;

/**
 * Changes of a chat's settings: shown at once, saved one after another. What the server says meanwhile, of an earlier
 * change or asked for before this one, never hides a change that is still on its way.
 */
export class SettingsChanges {
  readonly #options: SettingsChangesOptions;
  /** As the server said it last. */
  #saved: Chat | null = null;
  #pending: readonly SettingsChange[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(options: SettingsChangesOptions) {
    this.#options = options;
  }

  /** Whether the server has already said something newer than this. */
  isOlder(chat: Chat): boolean {
    return chat.version < (this.#saved?.version ?? 0);
  }

  /** The server's word, with what is on its way to it. */
  taken(chat: Chat): Chat {
    this.#saved = chat;
    return { ...chat, settings: this.#pending.reduce((settings, change) => change(settings), chat.settings) };
  }

  make(change: SettingsChange): Promise<void> {
    this.#pending = [...this.#pending, change];
    this.#tell();
    const made = this.#last.then(() => this.#send(change));
    this.#last = made.catch(() => undefined);
    return made;
  }

  async #send(change: SettingsChange): Promise<void> {
    try {
      for (let attempt = 1; !(await this.#isSaved(change, attempt)); attempt += 1);
    } finally {
      this.#pending = this.#pending.filter((other) => other !== change);
      this.#tell();
    }
  }

  async #isSaved(change: SettingsChange, attempt: number): Promise<boolean> {
    const { save, lookAgain } = this.#options;
    if (!this.#saved) return true;
    try {
      this.#saved = await save(change(this.#saved.settings), this.#saved.version);
      return true;
    } catch (error) {
      await lookAgain();
      if (!(error instanceof ApiError) || error.code !== 'conflict' || attempt >= attempts) throw error;
      return false;
    }
  }

  #tell(): void {
    if (this.#saved) this.#options.onShown(this.taken(this.#saved));
  }
}
