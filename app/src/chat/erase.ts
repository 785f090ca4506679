import { toAppError } from '../contracts/app-error.ts';
import type { Chat } from '../contracts/chats.ts';
import type { Page, Store } from '../store/store.ts';
import type { ChatParts } from './chat-calls.ts';
import type { ChatCalls } from './chats.ts';
import { requireVersion } from './refusals.ts';
import type { RunContext } from './runs/run-context.ts';
import { stopRun } from './runs/stop-run.ts';
import type { TemporaryChats } from './temporary/temporary-chats.ts';

type Erasing = Parameters<ChatCalls['erase']>[1];

/**
 * A chat or all of them, with what was written of them elsewhere. Runs that write there are stopped first; what is
 * refused stops none.
 */
export async function erase(parts: ChatParts, owner: string, what: Erasing): Promise<{ chatIds: string[] }> {
  const { context, temporary } = parts;
  if ('chatId' in what) await refuseStale(context, owner, what);
  for (const live of context.live.values())
    if (live.owner === owner && (!('chatId' in what) || live.chatId === what.chatId))
      await stopRun(context, owner, live.id);
  const erased = forget(temporary, owner, what);
  try {
    const isTemporary = 'chatId' in what && erased.length > 0;
    if (!isTemporary) await eraseStored(parts, owner, { what, erased });
    // Of a temporary chat only events of the log reach the store, and only where it is logged at all.
    else if (context.config.loggingTemporary) await parts.store.eraseOutboxEvents(owner, erased);
  } finally {
    await afterErasing(parts, owner, { what, erased });
  }
  return { chatIds: erased };
}

async function refuseStale(
  { store }: Pick<RunContext, 'store'>,
  owner: string,
  { chatId, version }: { chatId: string; version?: number },
): Promise<void> {
  if (version === undefined) return;
  const chat = await store.getChat(owner, chatId);
  if (chat) requireVersion('chat', version, chat);
}

/** A store that fails half-way has deleted the rows already: nobody can ask again, so the rest is done all the same. */
async function eraseStored(
  { store }: Pick<ChatParts, 'store'>,
  owner: string,
  { what, erased }: { what: Erasing; erased: string[] },
): Promise<void> {
  const before = await storedIds(store, owner, what);
  try {
    erased.push(...(await store.erase(owner, what)).chatIds);
  } catch (error) {
    for (const chatId of before) if (!(await store.getChat(owner, chatId))) erased.push(chatId);
    throw error;
  }
}

/** Those that have a state: what goes to the trash loses it there. */
async function storedIds(store: Store, owner: string, what: Erasing): Promise<string[]> {
  if ('chatId' in what) return (await store.getChat(owner, what.chatId)) ? [what.chatId] : [];
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Chat> = await store.listChats(owner, { limit: 500, cursor });
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== null);
  return ids;
}

async function afterErasing(
  parts: ChatParts,
  owner: string,
  { what, erased }: { what: Erasing; erased: readonly string[] },
): Promise<void> {
  for (const chatId of erased)
    parts.context.notify({ type: 'chat-changed', owner, chatId, version: null, change: 'erased' });
  // Of everything, the states of chats go too that no list knows: a restore, damage or a move left them behind.
  if ('chatId' in what) await dropStates(parts, erased);
  else await parts.dropState(null);
}

/** What is gone nobody can ask for again: all are tried, and the first that failed is told of at the end. */
export async function dropStates(
  { dropState }: Pick<ChatParts, 'dropState'>,
  chatIds: readonly string[],
): Promise<void> {
  const errors: unknown[] = [];
  for (const chatId of chatIds) await dropState(chatId).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw toAppError(errors[0]);
}

function forget(temporary: TemporaryChats, owner: string, what: Erasing): string[] {
  if (!('chatId' in what)) return temporary.forgetAll(owner);
  if (!temporary.hasChat(what.chatId)) return [];
  temporary.forget(owner, what);
  return [what.chatId];
}
