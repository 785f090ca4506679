import type { Chats, OpenedChat } from '../../src/chat/chats.ts';
import type { DriverLine } from './driver.ts';

interface Shown {
  text: string;
  /** What of it can never change any more. */
  durable: string;
  ended: boolean;
  /** Why it has no more text, where something went wrong. */
  error: string | null;
}

/** What clients were told, as they would remember it, to compare with what is stored. */
export class Ledger {
  readonly chats = new Set<string>();
  readonly accepted = new Map<string, { chatId: string; content: string }>();
  readonly answers = new Map<string, Shown>();
  readonly pinned = new Set<string>();
  readonly violations: string[] = [];
  /** Answers that the store has as failed: nothing of them is lost, but they did not go on. */
  readonly failed: { error: string; createdAt: number }[] = [];
  resumedRuns = 0;

  take(line: DriverLine): void {
    switch (line.told) {
      case 'ready':
        this.resumedRuns += line.resumedRuns;
        break;
      case 'chat':
        this.chats.add(line.chatId);
        break;
      case 'accepted':
        if (line.messageId !== null)
          this.accepted.set(line.messageId, { chatId: line.chatId, content: line.content ?? '' });
        for (const run of line.runs)
          this.answers.set(run.messageId, { text: '', durable: '', ended: false, error: null });
        break;
      case 'pinned':
        this.pinned.add(line.messageId);
        break;
      case 'event':
        this.#show(line.messageId, line.event);
        break;
      case 'settled':
        break;
    }
  }

  /** As a page does: a part stands at its offset; text that is shown again must be what was shown. */
  #show(messageId: string, event: Extract<DriverLine, { told: 'event' }>['event']): void {
    const shown = this.answers.get(messageId) ?? { text: '', durable: '', ended: false, error: null };
    this.answers.set(messageId, shown);
    if (event.type === 'start') {
      // A watcher without an epoch asks from the beginning; what it had beyond that is sent again, or was never durable.
      shown.text = shown.text.slice(0, event.offset);
      if (event.durableOffset < shown.durable.length)
        this.violations.push(`a durable mark of ${messageId} was taken back`);
    }
    if (event.type === 'text') {
      const durable = shown.durable.slice(event.offset, event.offset + event.text.length);
      if (!event.text.startsWith(durable)) this.violations.push(`durable text of ${messageId} changed`);
      if (event.offset !== shown.text.length) this.violations.push(`a part of ${messageId} leaves a gap`);
      shown.text = shown.text.slice(0, event.offset) + event.text;
    }
    if (event.type === 'durable') {
      const durable = shown.text.slice(0, event.offset);
      if (durable.length > shown.durable.length) shown.durable = durable;
    }
    if (event.type === 'end') {
      shown.ended = true;
      shown.error = event.error ? JSON.stringify(event.error) : null;
    }
  }

  /** Compares with the store; nobody may be writing. */
  async check(chats: Pick<Chats, 'open' | 'listRuns'>, owner: string): Promise<void> {
    const opened = new Map<string, OpenedChat>();
    for (const id of this.chats) {
      try {
        opened.set(id, await chats.open(owner, id));
      } catch (error) {
        this.violations.push(`chat ${id} is lost: ${String(error)}`);
      }
    }
    const messages = [...opened.values()].flatMap((chat) => chat.messages);
    const byId = new Map(messages.map((message) => [message.id, message]));
    if (byId.size !== messages.length) this.violations.push('a message is there twice');
    // Whatever was sent again because no answer came is there once: no two messages of people have the same words.
    const questions = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
    for (const content of questions.filter((text, index) => questions.indexOf(text) !== index))
      this.violations.push(`a message was written twice: ${content}`);
    for (const [id, { content }] of this.accepted)
      if (byId.get(id)?.content !== content)
        this.violations.push(`acknowledged message ${id} is lost or changed`);
    for (const id of this.pinned)
      if (byId.get(id)?.pinned !== true) this.violations.push(`pin of ${id} is lost`);
    for (const [id, shown] of this.answers) this.#checkAnswer(id, shown, byId.get(id)?.content);
    for (const message of messages) {
      if (message.state === 'failed')
        this.failed.push({
          error: JSON.stringify(message.outcome?.error),
          createdAt: message.createdAt,
        });
      if (message.state === 'running') this.violations.push(`answer ${message.id} is still unfinished`);
      if (message.parentId !== null && !byId.has(message.parentId))
        this.violations.push(`message ${message.id} hangs in the air`);
    }
    const active = await chats.listRuns(owner, { active: true, limit: 100 });
    if (active.length > 0) this.violations.push(`${active.length} runs are neither resumed nor ended`);
  }

  #checkAnswer(id: string, shown: Shown, stored: string | undefined): void {
    if (stored === undefined) this.violations.push(`acknowledged answer ${id} is lost`);
    else if (!stored.startsWith(shown.durable))
      this.violations.push(`durable text of ${id} is not what is stored`);
    else if (shown.ended && stored !== shown.text)
      this.violations.push(`finished answer ${id} is not what was shown`);
  }
}
