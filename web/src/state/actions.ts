import type { StartedRun, StartRun } from '@corral/app/contracts/api/runs';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys, queryClient } from '../api/queries.ts';
import type { modelsApi } from '../api/resources.ts';
import { listedModel } from '../models/listed-model.ts';
import { strings } from '../strings.ts';
import { attempt, reportProblem } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';
import { forgetActivity, markRun } from './activity.ts';
import type { ChatSession } from './chat-session.ts';
import { dropKept } from './drafts.ts';
import { wantEnd } from './end-wanted.ts';
import { keepModel } from './last-model.ts';
import { changeNewChat, newChat, resetNewChat, settingsOfNewChat } from './new-chat.ts';
import { currentRoute, goTo, hashOf } from './route.ts';
import { findSession, forgetSession, sessionOf } from './sessions.ts';
import type { SettingsChange } from './settings-changes.ts';
import { createStore } from './store.ts';
import { forgetOverruled } from './unsaved-settings.ts';

/** Raised to put the cursor into the message field. */
export const composerFocus = createStore(0);

export function focusComposer(): void {
  composerFocus.set((count) => count + 1);
}

export function startNewChat(): void {
  resetNewChat();
  goTo({ view: 'new' });
  focusComposer();
}

/** The shown chat, or null where none is. */
export function shownSession(): ChatSession | null {
  const route = currentRoute.get();
  return route.view === 'chat' ? (findSession(route.chatId) ?? null) : null;
}

/** Starts an answer; resolves when the server has the message on disk. With the same `key` it is started once. */
export async function run(session: ChatSession, body: StartRun, key?: string): Promise<StartedRun> {
  const started = await session.start(body, key);
  // A message that was sent before gives back the run it got then, of whose end no more word comes.
  for (const made of started.runs) if (made.phase !== 'ended') markRun(session.id, made.id, true);
  invalidate(keys.chats);
  const { chat } = session.state.get();
  // A temporary chat leaves nothing behind.
  if (chat && !chat.temporary) keepModel(chat.settings.model);
  return started;
}

/** The chat that did not exist yet, made with the settings chosen for it, and shown where nobody went elsewhere since. */
export async function makeChat(): Promise<ChatSession> {
  const place = hashOf(currentRoute.get());
  const chat = await chatsApi.create({
    settings: settingsOfNewChat(),
    ...(newChat().isTemporary ? { temporary: true } : {}),
  });
  const session = sessionOf(chat.id);
  await session.load();
  if (hashOf(currentRoute.get()) === place) goTo({ view: 'chat', chatId: chat.id }, true);
  resetNewChat();
  return session;
}

/** An answer begun on an existing message; failures are told in a notice. */
export function startRun(session: ChatSession, body: StartRun): void {
  // What goes on where it stands is looked at there.
  if (body.input.kind !== 'continue') wantEnd();
  attempt(() => run(session, body));
}

export function withUndo(text: string, work: () => Promise<(() => Promise<void>) | null>): void {
  attempt(async () => {
    const undo = await work();
    invalidate(keys.chats, keys.trash);
    showToast({
      text,
      ...(undo
        ? {
            action: {
              label: strings.undo,
              run: () =>
                attempt(async () => {
                  await undo();
                  invalidate(keys.chats, keys.trash);
                }),
            },
          }
        : {}),
    });
  });
}

export function clearChat(session: ChatSession): void {
  withUndo(strings.composer.cleared, () => session.clear());
  focusComposer();
}

export function deleteChat(chatId: string, title: string): void {
  withUndo(strings.sidebar.deleted(title || strings.sidebar.untitled), async () => {
    const entry = await chatsApi.trash(chatId);
    forgetActivity(chatId);
    // A temporary one is gone for good, of which the server tells nobody.
    if (!entry) dropKept(chatId);
    const route = currentRoute.get();
    const wasShown = route.view === 'chat' && route.chatId === chatId;
    forgetSession(chatId);
    if (wasShown) startNewChat();
    return entry
      ? async () => {
          await chatsApi.restore(entry.id);
          if (wasShown) goTo({ view: 'chat', chatId });
        }
      : null;
  });
}

export function stopAnswers(session: ChatSession): void {
  session.stopAll().catch((error: unknown) => reportProblem(error));
}

/** Settings of a chat, or with null of the one that is not there yet; throws where the server does not take them. */
export async function saveSettings(change: SettingsChange, session: ChatSession | null): Promise<void> {
  if (!session) {
    changeNewChat(change);
    return;
  }
  await session.changeSettings(change);
  invalidate(keys.effective);
}

/** Settings of the shown chat or the one that is not there yet. */
export function changeSettings(change: SettingsChange): void {
  const session = shownSession();
  const before = session?.state.get().chat?.settings;
  if (session && before) forgetOverruled(session.id, before, change(before));
  attempt(() => saveSettings(change, session));
}

/** A new chat with a model, which may be named without its quantisation. */
export function startChatWith(reference: string): void {
  const list = queryClient.getQueryData<Awaited<ReturnType<typeof modelsApi.list>>>(keys.models);
  const model = listedModel(list?.models ?? [], reference)?.id ?? reference;
  startNewChat();
  changeSettings((settings) => ({ ...settings, model }));
}
