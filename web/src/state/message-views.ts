import { isSameView, type MessageView } from './message-view.ts';
import { createStore, type Store } from './store.ts';

/** What is drawn of each message, in a store of its own, which changes only when that message does. */
export class MessageViews {
  readonly #make: (id: string) => MessageView | null;
  readonly #stores = new Map<string, Store<MessageView>>();

  /** `make`: a message as it is now, null where there is none. */
  constructor(make: (id: string) => MessageView | null) {
    this.#make = make;
  }

  of(id: string): Store<MessageView> | null {
    const known = this.#stores.get(id);
    if (known) return known;
    const view = this.#make(id);
    if (!view) return null;
    const store = createStore(view);
    this.#stores.set(id, store);
    return store;
  }

  publish(id: string): void {
    const view = this.#make(id);
    if (view) this.#stores.get(id)?.set(view);
  }

  /** All of them may have changed, or be gone. */
  renew(): void {
    for (const [id, store] of this.#stores) {
      const view = this.#make(id);
      if (!view) this.#stores.delete(id);
      else if (!isSameView(store.get(), view)) store.set(view);
    }
  }
}
