import type { Chat, ChatSettings } from '../../contracts/chats.ts';
import { AppError } from '../../contracts/app-error.ts';
import type { StartedRun } from '../../contracts/api/runs.ts';
import type { RunEvent } from '../../contracts/runs.ts';
import type { Api } from '../api.ts';

/** How an answer went, for the line under it. */
export interface AnswerSummary {
  reason: string;
  tokens: number | null;
  tokensPerSecond: number | null;
}

/** What a terminal hears of an answer while it is written. */
export interface AnswerListener {
  text(text: string): void;
  /** Loading, waiting, reading the prompt; empty when the answer begins. */
  status(text: string): void;
}

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

  get model(): string | undefined {
    return this.#chat.settings.model;
  }

  /** Changes settings from the next message on. */
  async change(settings: ChatSettings): Promise<void> {
    this.#chat = await this.#api.request<Chat>('PATCH', `/api/chats/${this.#chat.id}`, {
      body: { settings },
    });
  }

  /** Messages to the trash; the chat and its settings stay. */
  async clear(): Promise<void> {
    await this.#api.request('POST', `/api/chats/${this.#chat.id}/clear`);
  }

  /** Says something and follows the answer to its end. Aborting stops the answer and keeps its text. */
  async say(content: string, listener: AnswerListener, signal: AbortSignal): Promise<AnswerSummary> {
    const started = await this.#api.request<StartedRun>('POST', `/api/chats/${this.#chat.id}/runs`, {
      body: { input: { kind: 'message', content } },
    });
    const stop = (): void =>
      void this.#api.request('DELETE', `/api/runs/${started.runId}`).catch(() => undefined);
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.#follow(started.runId, listener);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #follow(runId: string, listener: AnswerListener): Promise<AnswerSummary> {
    const summary: AnswerSummary = { reason: 'interrupted', tokens: null, tokensPerSecond: null };
    for await (const { data } of this.#api.events(`/api/runs/${runId}/events?from=0`)) {
      const event = data as RunEvent;
      if (event.type === 'text') listener.text(event.text);
      else if (event.type === 'usage') summary.tokens = event.usage.completionTokens;
      else if (event.type === 'timings') summary.tokensPerSecond = event.timings.tokensPerSecond;
      else if (event.type === 'end') {
        if (event.error) throw AppError.fromJSON(event.error);
        return { ...summary, reason: event.reason };
      } else listener.status(statusOf(event));
    }
    return summary;
  }
}

function statusOf(event: RunEvent): string {
  if (event.type === 'model-load') return `loading the model ${Math.round(event.progress * 100)} %`;
  if (event.type === 'queue-position' && event.position > 0)
    return `waiting, number ${event.position} in line`;
  if (event.type === 'prompt-progress') return `reading ${event.processed} of ${event.total} tokens`;
  return '';
}
