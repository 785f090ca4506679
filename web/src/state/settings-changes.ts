import type { Chat, ChatSettings } from '@corral/app/contracts/chats';
import { ApiError } from '../api/request.ts';
import { panelStrings } from '../strings-panel.ts';

export type SettingsChange = (settings: ChatSettings) => ChatSettings;
type Saved = Pick<Chat, 'settings' | 'version'>;

export interface SettingsChangesOptions {
  save: (settings: ChatSettings, version: number) => Promise<Chat>;
  /** Asks the server for the chat; what comes goes through `taken`. */
  lookAgain: () => Promise<void>;
  onShown: (shown: Saved) => void;
}

/** A change meets another tab's this often before it is given up. */
const attempts = 3;

/**
 * Changes of a chat's settings: shown at once, saved one after another. What the server says meanwhile never hides a
 * change that is still on its way.
 */
export class SettingsChanges {
  readonly #options: SettingsChangesOptions;
  /** As the server said it last. */
  #saved: Saved | null = null;
  #pending: readonly SettingsChange[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(options: SettingsChangesOptions) {
    this.#options = options;
  }

  /** The server's word, with what is on its way to it. */
  taken(chat: Chat): Chat {
    this.#saved = { settings: chat.settings, version: chat.version };
    return { ...chat, settings: this.#withPending(chat.settings) };
  }

  make(change: SettingsChange): Promise<void> {
    this.#pending = [...this.#pending, change];
    this.#show();
    const made = this.#last.then(() => this.#save(change));
    this.#last = made.catch(() => undefined);
    return made;
  }

  /** Resolves when every change made so far is saved, or said not to be. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #save(change: SettingsChange): Promise<void> {
    try {
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        const conflict = await this.#try(change);
        if (!conflict) return;
        if (attempt === attempts) throw conflict;
      }
    } finally {
      this.#pending = this.#pending.filter((other) => other !== change);
      this.#show();
    }
  }

  /** Somebody else's change that came between, if one did. */
  async #try(change: SettingsChange): Promise<ApiError | null> {
    const saved = await this.#known();
    try {
      const { settings, version } = await this.#options.save(change(saved.settings), saved.version);
      this.#saved = { settings, version };
      return null;
    } catch (error) {
      await this.#options.lookAgain();
      if (error instanceof ApiError && error.code === 'conflict') return error;
      throw error;
    }
  }

  /** What a change is made on top of; it may still be on its way. */
  async #known(): Promise<Saved> {
    if (!this.#saved) await this.#options.lookAgain();
    if (!this.#saved) throw new Error(panelStrings.notSaved);
    return this.#saved;
  }

  #show(): void {
    if (!this.#saved) return;
    const { settings, version } = this.#saved;
    this.#options.onShown({ settings: this.#withPending(settings), version });
  }

  #withPending(settings: ChatSettings): ChatSettings {
    return this.#pending.reduce((changed, change) => change(changed), settings);
  }
}
