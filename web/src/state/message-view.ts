import type { StartRun, StartedRun } from '@corral/app/contracts/api/runs';
import type { ChatMessage } from '@corral/app/contracts/chats';
import type { Run } from '@corral/app/contracts/runs';
import type { LiveView } from './live-run.ts';
import type { MessageTree } from './message-tree.ts';

export interface MessageView {
  message: ChatMessage;
  live: LiveView | null;
  siblings: readonly string[];
}

/** Until its end is here with all of its text: who joins late hears first that the run is over, then what it wrote. */
export function isBeingWritten({ message, live }: Pick<MessageView, 'message' | 'live'>): boolean {
  return message.state === 'running' && !live?.end;
}

/** What there is of its text. */
export function writtenText({ message, live }: Pick<MessageView, 'message' | 'live'>): string {
  return isBeingWritten({ message, live }) && live ? live.text : message.content;
}

export interface Asked {
  chatId: string;
  tree: MessageTree;
  body: StartRun;
  started: StartedRun;
}

const unwritten = {
  pinned: false,
  feedback: null,
  outcome: null,
  version: 1,
  model: null,
  runId: null,
} as const;

/**
 * A new message follows what its writer saw, which need not be what the server would take for shown: another tab may
 * have gone on, or a choice of branch got lost.
 */
export function followingMessage(body: StartRun, leafId: string | null): StartRun {
  return body.input.kind === 'message' ? { ...body, input: { parentId: leafId, ...body.input } } : body;
}

/** The person's message as the next load will bring it; null where the request made none. */
export function askedMessage({ chatId, tree, body: { input }, started }: Asked): ChatMessage | null {
  const id = started.parentId;
  if (!id || (input.kind !== 'message' && input.kind !== 'edit')) return null;
  return {
    ...unwritten,
    id,
    chatId,
    parentId: (input.kind === 'edit' ? tree.get(input.messageId)?.parentId : input.parentId) ?? null,
    role: 'user',
    content: input.content,
    state: 'complete',
    createdAt: Date.now(),
  };
}

/** The answer that a run begins to write, or goes on with. */
export function answerMessage(
  run: Run,
  parentId: string | null,
  known: ChatMessage | undefined,
  chatModel: string | undefined,
): ChatMessage {
  const blank: ChatMessage = {
    ...unwritten,
    id: run.messageId,
    chatId: run.chatId,
    parentId,
    role: 'assistant',
    content: '',
    state: 'running',
    createdAt: Date.now(),
  };
  return {
    ...(known ?? blank),
    state: 'running',
    runId: run.id,
    model: run.settings.model ?? known?.model ?? chatModel ?? null,
  };
}

const states = {
  stop: 'complete',
  'stop-string': 'complete',
  'stop-token': 'complete',
  length: 'length',
  aborted: 'stopped',
  interrupted: 'failed',
  failed: 'failed',
} as const;

function outcomeOf({ end, usage, timings }: LiveView): ChatMessage['outcome'] {
  if (!end) return null;
  return {
    endReason: end.reason,
    error: end.error,
    adapters: [],
    usage,
    firstTokenMs: timings?.firstTokenMs ?? null,
    tokensPerSecond: timings?.tokensPerSecond ?? null,
    droppedMessages: 0,
    resumed: end.isResumed,
  };
}

export function endedMessage(message: ChatMessage, live: LiveView): ChatMessage {
  return {
    ...message,
    content: live.text,
    state: states[live.end?.reason ?? 'stop'],
    outcome: outcomeOf(live),
    version: message.version + 1,
  };
}

const isAlike = (left: object | null, right: object | null): boolean =>
  left === right || JSON.stringify(left) === JSON.stringify(right);

/** Whether drawing it again would change anything. */
export function isSameView(left: MessageView, right: MessageView): boolean {
  const a = left.message;
  const b = right.message;
  return (
    a.version === b.version &&
    a.content === b.content &&
    a.state === b.state &&
    a.runId === b.runId &&
    // Who came late to the end of a run has its figures only from the server, under the same version.
    isAlike(a.outcome, b.outcome) &&
    // Shown before the server has them, under the same version, and not always taken by it.
    a.pinned === b.pinned &&
    isAlike(a.feedback, b.feedback) &&
    left.live === right.live &&
    left.siblings.length === right.siblings.length &&
    left.siblings.every((id, index) => right.siblings[index] === id)
  );
}
