import type { OpenedChat } from '../../contracts/api/chats.ts';
import { runRoutes, type StartedRun } from '../../contracts/api/runs.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { Chat, ChatSettings } from '../../contracts/chats.ts';
import type { Run } from '../../contracts/runs.ts';
import type { Api } from '../api.ts';
import { type Answer, type AnswerListener, followAnswer } from './follow-answer.ts';

/** A change meets the page's, or the model's title, this often before it is given up. */
const attempts = 3;

/** One chat as the terminal has it: a thin layer over the native API. */
export class Conversation {
  readonly #api: Api;
  #chat: Chat;

  private constructor(api: Api, chat: Chat) {
    this.#api = api;
    this.#chat = chat;
  }

  static async start(api: Api, settings: ChatSettings, temporary: boolean): Promise<Conversation> {
    return new Conversation(
      api,
      await api.request<Chat>('POST', '/api/chats', { body: { settings, temporary } }),
    );
  }

  /** The chat that was spoken in last. */
  static async last(api: Api): Promise<Conversation> {
    const { chats } = await api.request<{ chats: Chat[] }>('GET', '/api/chats?limit=50');
    const latest = chats.sort((left, right) => right.updatedAt - left.updatedAt)[0];
    if (!latest)
      throw new AppError('not-found', 'there is no chat to go on with', {
        hint: 'Start one with `corral chat`.',
      });
    return new Conversation(api, latest);
  }

  get title(): string {
    return this.#chat.title || 'New chat';
  }

  /**
   * Where no server runs, nobody goes on with the answer that a kill left unfinished, and nothing can be said after it:
   * it ends with the text that it has, be it the last one or further up. True: there was one.
   */
  async endLeftAnswer(): Promise<boolean> {
    if (this.#api.hasServer) return false;
    const { method, path } = runRoutes.list;
    const { runs } = await this.#api.request<{ runs: Run[] }>(method, path);
    const left = runs.filter(({ chatId }) => chatId === this.#chat.id);
    for (const { id } of left) await this.#stop(id);
    return left.length > 0;
  }

  async #stop(runId: string): Promise<void> {
    await this.#api.request('DELETE', `/api/runs/${runId}`);
  }

  /** Changes these settings from the next message on; all others stay, also those changed elsewhere meanwhile. */
  async change(settings: ChatSettings): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#chat = await this.#api.request<Chat>('PATCH', `/api/chats/${this.#chat.id}`, {
          headers: { 'if-match': `"${this.#chat.version}"` },
          body: { settings: merged(this.#chat.settings, settings) },
        });
        return;
      } catch (error) {
        const isConflict = error instanceof AppError && error.code === 'conflict';
        if (!isConflict || attempt === attempts) throw error;
        const path = `/api/chats/${this.#chat.id}?last=1`;
        this.#chat = (await this.#api.request<OpenedChat>('GET', path)).chat;
      }
    }
  }

  /** Messages to the trash; the chat and its settings stay. */
  async clear(): Promise<void> {
    await this.#api.request('POST', `/api/chats/${this.#chat.id}/clear`);
  }

  /** A temporary chat is gone with it. A server that does not answer has forgotten it, or forgets it when it ends. */
  async close(): Promise<void> {
    if (!this.#chat.temporary) return;
    await this.#api.request('DELETE', `/api/chats/${this.#chat.id}`).catch(() => undefined);
  }

  /** Says something and follows the answer to its end. Aborting stops the answer and keeps its text. */
  async say(content: string, listener: AnswerListener, signal: AbortSignal): Promise<Answer> {
    const { runId } = await this.#api.request<StartedRun>('POST', `/api/chats/${this.#chat.id}/runs`, {
      body: { input: { kind: 'message', content } },
    });
    const stop = (): void => void this.#stop(runId).catch(() => undefined);
    signal.addEventListener('abort', stop, { once: true });
    // An aborted signal tells nobody any more.
    if (signal.aborted) stop();
    try {
      return await followAnswer(this.#api, runId, listener);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/** The server replaces the whole object; what a change does not name is to stay. */
function merged(settings: ChatSettings, change: ChatSettings): ChatSettings {
  return {
    ...settings,
    ...change,
    ...(change.sampling === undefined ? {} : { sampling: { ...settings.sampling, ...change.sampling } }),
  };
}
