import { mostMessages, type ConversationMessage } from './imported-conversation.ts';

export interface ForeignTree {
  rootIds: readonly string[];
  childrenOf(id: string): readonly string[];
  /** Null for nodes that are no message of ours; what hangs below them hangs one higher then. */
  read(id: string, parent: number | null): ConversationMessage | null;
}

/** Parents before children, siblings in order; circles and nodes named twice are walked once. */
export function readTree(tree: ForeignTree): {
  messages: ConversationMessage[];
  /** Place of the message of a node, or of the nearest one above it. */
  placeOf: (id: string | null | undefined) => number | undefined;
} {
  const messages: ConversationMessage[] = [];
  const places = new Map<string, number | null>();
  const waiting = tree.rootIds.map((id) => ({ id, parent: null as number | null })).reverse();
  for (let next = waiting.pop(); next && messages.length <= mostMessages; next = waiting.pop()) {
    if (places.has(next.id)) continue;
    const message = tree.read(next.id, next.parent);
    if (message) messages.push(message);
    const parent = message ? messages.length - 1 : next.parent;
    places.set(next.id, parent);
    for (const id of tree.childrenOf(next.id).toReversed()) waiting.push({ id, parent });
  }
  return { messages, placeOf: (id) => places.get(id ?? '') ?? undefined };
}
