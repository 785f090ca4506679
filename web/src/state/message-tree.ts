import type { ChatMessage } from '@corral/app/contracts/chats';

/** Every branch of a chat; the shown one is walked from its last message to the root. */
export class MessageTree {
  readonly #messages = new Map<string, ChatMessage>();
  readonly #children = new Map<string, string[]>();

  constructor(messages: readonly ChatMessage[] = []) {
    for (const message of messages) this.put(message);
  }

  get(id: string): ChatMessage | undefined {
    return this.#messages.get(id);
  }

  put(message: ChatMessage): void {
    if (!this.#messages.has(message.id)) {
      const key = message.parentId ?? '';
      const siblings = this.#children.get(key);
      if (siblings) siblings.push(message.id);
      else this.#children.set(key, [message.id]);
    }
    this.#messages.set(message.id, message);
  }

  /** Removes a message with all that follows it. */
  remove(id: string): void {
    const message = this.#messages.get(id);
    if (!message) return;
    for (const child of this.#children.get(id) ?? []) this.remove(child);
    this.#children.delete(id);
    this.#messages.delete(id);
    const key = message.parentId ?? '';
    this.#children.set(
      key,
      (this.#children.get(key) ?? []).filter((other) => other !== id),
    );
  }

  siblings(id: string): readonly string[] {
    const message = this.#messages.get(id);
    return message ? (this.#children.get(message.parentId ?? '') ?? []) : [];
  }

  /** The end of the newest branch that goes through a message. */
  leafOf(id: string): string {
    let leaf = id;
    for (let next = this.#children.get(leaf)?.at(-1); next; next = this.#children.get(leaf)?.at(-1))
      leaf = next;
    return leaf;
  }

  /** Where the branch that ends at `leafId` ends when a message is to be seen: there if it is among it. */
  leafThrough(id: string, leafId: string | null): string {
    return leafId !== null && this.path(leafId).includes(id) ? leafId : this.leafOf(id);
  }

  newestLeaf(): string | null {
    const root = this.#children.get('')?.at(-1);
    return root ? this.leafOf(root) : null;
  }

  /** Ids from the first message to the leaf. */
  path(leafId: string | null): string[] {
    const path: string[] = [];
    for (
      let at = leafId ? this.#messages.get(leafId) : undefined;
      at;
      at = this.#messages.get(at.parentId ?? '')
    )
      path.push(at.id);
    return path.reverse();
  }

  all(): IterableIterator<ChatMessage> {
    return this.#messages.values();
  }
}
