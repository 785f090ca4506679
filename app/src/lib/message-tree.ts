import type { ChatMessage } from '../contracts/chats.ts';

/** Lists of these are in the order the messages were made: parents before children. */
type Node = Pick<ChatMessage, 'id' | 'parentId'>;

/** From the first message of the branch to `leafId`; empty for null and for an id that is not there. */
export function branchTo<Message extends Node>(
  messages: readonly Message[],
  leafId: string | null,
): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const branch: Message[] = [];
  const walked = new Set<string>();
  for (let id = leafId; id !== null && !walked.has(id);) {
    const message = byId.get(id);
    if (!message) break;
    walked.add(id);
    branch.push(message);
    id = message.parentId;
  }
  return branch.reverse();
}

/** Follows the newest child from a message down: what is shown when a person switches to that branch. */
export function newestLeafBelow(messages: readonly Node[], id: string): string {
  const newestChild = new Map<string, string>();
  for (const message of messages)
    if (message.parentId !== null) newestChild.set(message.parentId, message.id);
  let leaf = id;
  for (let child = newestChild.get(leaf); child !== undefined; child = newestChild.get(leaf)) leaf = child;
  return leaf;
}

/** Where the shown branch ends when `id` is to be seen: where it did if that is among it, else at its newest end. */
export function leafThrough(messages: readonly Node[], id: string, activeLeafId: string | null): string {
  const isShown = branchTo(messages, activeLeafId).some((message) => message.id === id);
  return isShown && activeLeafId !== null ? activeLeafId : newestLeafBelow(messages, id);
}

/** A message and everything below it. */
export function subtreeIds(messages: readonly Node[], rootId: string): Set<string> {
  const ids = new Set([rootId]);
  for (const message of messages)
    if (message.parentId !== null && ids.has(message.parentId)) ids.add(message.id);
  return ids;
}

/** Where the shown branch goes when `goneIds` leave: the newest sibling's branch, else the parent. */
export function leafAfterLoss(
  messages: readonly Node[],
  goneIds: ReadonlySet<string>,
  activeLeafId: string | null,
): string | null {
  if (activeLeafId === null || !goneIds.has(activeLeafId)) return activeLeafId;
  const left = messages.filter((message) => !goneIds.has(message.id));
  const lost = branchTo(messages, activeLeafId).find((message) => goneIds.has(message.id));
  const parentId = lost?.parentId ?? null;
  const sibling = left.findLast((message) => message.parentId === parentId);
  return sibling ? newestLeafBelow(left, sibling.id) : parentId;
}

/** A message of the person with the answers to it; what an answer stands before any message is its own exchange. */
export function exchangesOf<Message extends Pick<ChatMessage, 'role'>>(
  branch: readonly Message[],
): Message[][] {
  const exchanges: Message[][] = [];
  for (const message of branch) {
    const current = exchanges.at(-1);
    const begins = message.role === 'user' && current?.some((earlier) => earlier.role === 'assistant');
    if (!current || begins) exchanges.push([message]);
    else current.push(message);
  }
  return exchanges;
}
