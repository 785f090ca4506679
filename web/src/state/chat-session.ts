import type { OpenedChat } from '@corral/app/contracts/api/chats';
import type { StartRun, StartedRun } from '@corral/app/contracts/api/runs';
import type { Chat, ChatMessage } from '@corral/app/contracts/chats';
import type { ContextPlan } from '@corral/app/contracts/runs';
import { chatsApi, messagesApi, runsApi } from '../api/chats.ts';
import { BranchChoice } from './branch-choice.ts';
import { ChatLoading } from './chat-loading.ts';
import { ChatRuns } from './chat-runs.ts';
import type { LiveView } from './live-run.ts';
import { MessageTree } from './message-tree.ts';
import { MessageViews } from './message-views.ts';
import {
  answerMessage,
  askedMessage,
  endedMessage,
  followingMessage,
  type MessageView,
} from './message-view.ts';
import { SettingsChanges, type SettingsChange } from './settings-changes.ts';
import { createStore, type Store } from './store.ts';

export interface ChatState {
  status: 'loading' | 'ready' | 'missing' | 'failed';
  chat: Chat | null;
  /** Ids of the shown branch, first to last. */
  path: readonly string[];
  /** False while there are only the last messages of that branch, and the others are on their way. */
  isWhole: boolean;
  plan: ContextPlan | null;
  isLogged: boolean;
  error: Error | null;
  /** Runs that write into the chat now. */
  runIds: readonly string[];
}

const notReady: ChatState = {
  status: 'loading',
  chat: null,
  path: [],
  isWhole: false,
  plan: null,
  isLogged: false,
  error: null,
  runIds: [],
};

/** One chat as this tab knows it: the tree, the shown branch, and the answers that are being written. */
export class ChatSession {
  readonly id: string;
  readonly state: Store<ChatState> = createStore(notReady);
  #tree = new MessageTree();
  readonly #views = new MessageViews((id) => this.#viewOf(id));
  readonly #runs = new ChatRuns({
    onChanged: (messageId) => this.#views.publish(messageId),
    // What is seen for an answer further up says nothing about the end of the chat.
    onPlan: (messageId, plan) =>
      this.state.set((state) => (state.path.at(-1) === messageId ? { ...state, plan } : state)),
    onEnded: (messageId, view) => this.#ended(messageId, view),
    lookAgain: () => void this.load(),
  });
  readonly #settings = new SettingsChanges({
    save: (settings, version) => this.#loading.own(chatsApi.update(this.id, { settings }, version)),
    lookAgain: () => this.load(),
    onShown: (shown) =>
      this.state.set((state) => ({ ...state, chat: state.chat ? { ...state.chat, ...shown } : null })),
  });
  readonly #branch = new BranchChoice({
    save: (activeLeafId) => this.update({ activeLeafId }),
    lookAgain: () => void this.load(),
  });
  readonly #loading = new ChatLoading({
    ask: (part) => chatsApi.open(this.id, part),
    onOpened: (opened) => this.#take(opened),
    onFailed: (status, error) => {
      // A chat that is gone took its runs along: nothing more is to be had of them.
      if (status === 'missing') this.#runs.drop(() => true);
      const runIds = this.#runs.ids();
      this.state.set((state) => ({ ...state, status, error: error instanceof Error ? error : null, runIds }));
    },
  });

  constructor(id: string) {
    this.id = id;
  }

  /** For the first time; those far above come when the last ones are drawn. */
  open(): Promise<void> {
    return this.#loading.endFirst();
  }

  load(): Promise<void> {
    return this.#loading.whole();
  }

  /** Resolves when those far above are here too, if they can be had now. */
  whole(): Promise<void> {
    return this.#loading.rest();
  }

  /** Another tab or the server changed it. */
  changed(version: number | null): void {
    this.#loading.changed(version, this.state.get().chat?.version);
  }

  /** A run began; where it is this tab's own, the answer to its request may come after the notice. */
  runBegan(runId: string): void {
    this.#loading.lookSoon(() => this.liveOf(runId) === null);
  }

  message(id: string): ChatMessage | undefined {
    return this.#tree.get(id);
  }

  /** Of what is shown, the answer that one of these runs wrote, which may stand further up; else the last message. */
  writtenBy(runIds: readonly string[]): ChatMessage | undefined {
    const shown = this.state.get().path.map((id) => this.#tree.get(id));
    return shown.findLast((message) => runIds.includes(message?.runId ?? '')) ?? shown.at(-1);
  }

  /** Whether there is such a message, after another look at the chat where it is not known here. */
  async has(id: string): Promise<boolean> {
    if (!this.#tree.get(id)) await this.load();
    return this.#tree.get(id) !== undefined;
  }

  messages(): ChatMessage[] {
    return [...this.#tree.all()];
  }

  liveOf(runId: string): LiveView | null {
    return this.#runs.viewOf(runId);
  }

  /** The store of one message; it changes only when that message does. */
  view(id: string): Store<MessageView> | null {
    return this.#views.of(id);
  }

  #viewOf(id: string): MessageView | null {
    const message = this.#tree.get(id);
    if (!message) return null;
    const live = message.runId ? this.#runs.viewOf(message.runId) : null;
    return { message, live, siblings: this.#tree.siblings(id) };
  }

  #take(opened: OpenedChat): void {
    const kept = this.#runs.texts();
    this.#tree = new MessageTree(opened.messages);
    this.#views.renew();
    for (const run of opened.activeRuns)
      this.#runs.follow(run, kept.get(run.messageId) ?? this.#tree.get(run.messageId)?.content ?? '');
    const active = new Set(opened.activeRuns.map((run) => run.id));
    this.#runs.drop((run) => !active.has(run.runId) && this.#tree.get(run.messageId)?.state !== 'running');
    const path = this.#tree.path(this.#branch.taken(opened.chat.activeLeafId, this.#tree));
    this.state.set({
      status: 'ready',
      chat: this.#settings.taken(opened.chat),
      path,
      isWhole: opened.whole,
      plan: this.#runs.planOf(path.at(-1)) ?? opened.plan,
      isLogged: opened.logged,
      error: null,
      runIds: this.#runs.ids(),
    });
  }

  #ended(messageId: string, view: LiveView): void {
    const message = this.#tree.get(messageId);
    if (message) this.#tree.put(endedMessage(message, view));
    this.#views.publish(messageId);
    this.state.set((current) => ({ ...current, runIds: this.#runs.ids() }));
  }

  /** Starts an answer to what is shown, with the settings that are; resolves when the server has it on disk. */
  async start(wanted: StartRun, key?: string): Promise<StartedRun> {
    const { status, path } = this.state.get();
    const leafId = path.at(-1) ?? null;
    const body = status === 'ready' ? followingMessage(wanted, leafId) : wanted;
    await Promise.all([this.#settings.settled(), this.#branch.settled()]);
    const started = await this.#loading.own(runsApi.start(this.id, body, leafId, key));
    this.#adopt(body, started);
    return started;
  }

  /** What a message with this text would cost in what is shown, with the settings that are. */
  async count(content: string, signal: AbortSignal): ReturnType<typeof runsApi.count> {
    await Promise.all([this.#settings.settled(), this.#branch.settled()]);
    return runsApi.count(this.id, { content }, signal);
  }

  /** What the server made of a request, shown at once. */
  #adopt(body: StartRun, started: StartedRun): void {
    const { chat } = this.state.get();
    const asked = askedMessage({ chatId: this.id, tree: this.#tree, body, started });
    // A load may have been quicker than this answer, and it knows better.
    if (asked && !this.#tree.get(asked.id)) this.#tree.put(asked);
    for (const run of started.runs) {
      const known = this.#tree.get(run.messageId);
      this.#tree.put(answerMessage(run, started.parentId, known, chat?.settings.model));
      this.#runs.follow(run, known?.content ?? '');
    }
    // What another tab has sent before is shown already, with what followed it.
    this.#show(this.#tree.leafThrough(started.messageId, this.state.get().path.at(-1) ?? null));
  }

  #show(leafId: string | null): void {
    const path = this.#tree.path(leafId);
    for (const id of path) this.#views.publish(id);
    this.state.set((state) => ({
      ...state,
      chat: state.chat ? { ...state.chat, activeLeafId: leafId } : null,
      path,
      runIds: this.#runs.ids(),
    }));
  }

  stopAll(): Promise<void> {
    return this.#runs.stopAll();
  }

  /** Shows the branch through a sibling; the server remembers it. */
  async switchTo(messageId: string): Promise<void> {
    await this.#loading.rest();
    const leafId = this.#tree.leafOf(messageId);
    this.#show(leafId);
    await this.#branch.make(leafId);
  }

  async update(body: {
    title?: string;
    pinned?: boolean;
    folder?: string | null;
    activeLeafId?: string;
  }): Promise<void> {
    const chat = this.#settings.taken(await this.#loading.own(chatsApi.update(this.id, body)));
    this.state.set((state) => ({ ...state, chat }));
  }

  /** Changes settings on top of the newest ones; a conflict with another tab is settled by asking again. */
  changeSettings(change: SettingsChange): Promise<void> {
    return this.#settings.make(change);
  }

  async updateMessage(
    messageId: string,
    body: { pinned?: boolean; feedback?: { rating: 'up' | 'down'; reason: string | null } | null },
  ): Promise<void> {
    const message = this.#tree.get(messageId);
    if (!message) return;
    this.#put({ ...message, ...body });
    try {
      this.#put(await this.#loading.own(messagesApi.update(this.id, messageId, body)));
    } catch (error) {
      // Only what was refused goes back: the message may have changed otherwise meanwhile.
      const { pinned, feedback } = message;
      const now = this.#tree.get(messageId) ?? message;
      this.#put({
        ...now,
        ...('pinned' in body ? { pinned } : {}),
        ...('feedback' in body ? { feedback } : {}),
      });
      throw error;
    }
  }

  #put(message: ChatMessage): void {
    this.#tree.put(message);
    this.#views.publish(message.id);
  }

  /** Moves a message and what follows to the trash; gives back what undoes it. */
  async trash(messageId: string): Promise<(() => Promise<void>) | null> {
    await this.#loading.rest();
    const parentId = this.#tree.get(messageId)?.parentId ?? null;
    const entry = await this.#loading.own(messagesApi.trash(this.id, messageId));
    this.#tree.remove(messageId);
    this.#show(parentId ? this.#tree.leafOf(parentId) : this.#tree.newestLeaf());
    return entry ? () => this.#restore(entry.id) : null;
  }

  async clear(): Promise<(() => Promise<void>) | null> {
    const entry = await this.#loading.own(chatsApi.clear(this.id));
    await this.load();
    return entry ? () => this.#restore(entry.id) : null;
  }

  async #restore(entryId: string): Promise<void> {
    await chatsApi.restore(entryId);
    await this.load();
  }

  /** Stops listening; the runs go on at the server. */
  close(): void {
    this.#loading.close();
    this.#runs.close();
  }
}
