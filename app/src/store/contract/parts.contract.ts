import { uuidv7 } from 'uuidv7';
import { expect } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';
import type { NewChat, NewMessage } from '../chat-store.ts';
import type { AcceptedRuns, AcceptRuns, FinishRun } from '../run-store.ts';
import type { Store } from '../store.ts';

/** What each part of the suite works with. */
export interface ContractParts {
  readonly kind: 'sqlite' | 'postgres';
  readonly store: () => Store;
  readonly rawBytes: () => Promise<Buffer>;
  readonly backupFolder: () => string;
  /** A person nobody else uses. */
  readonly owner: () => string;
}

export const startOfTime = 1_700_000_000_000;

export function newChat(change: Partial<NewChat> = {}): NewChat {
  return {
    id: uuidv7(),
    title: 'A chat',
    titleSource: 'none',
    folder: null,
    settings: {},
    createdAt: startOfTime,
    ...change,
  };
}

export function newMessage(content: string, change: Partial<NewMessage> = {}): NewMessage {
  return { id: uuidv7(), parentId: null, role: 'user', content, createdAt: startOfTime, ...change };
}

/** A message with one answer. */
export function newRun(chatId: string, change: Partial<AcceptRuns> = {}): AcceptRuns {
  return {
    chatId,
    now: startOfTime + 1,
    parent: null,
    userMessage: newMessage('Hello'),
    answers: [
      {
        runId: uuidv7(),
        settings: {},
        state: { seed: 7 },
        target: { kind: 'new', messageId: uuidv7(), model: 'cria' },
      },
    ],
    ...change,
  };
}

export interface StartedRun {
  chatId: string;
  runId: string;
  messageId: string;
  accepted: AcceptedRuns;
}

export async function startRun(store: Store, owner: string, chatId?: string): Promise<StartedRun> {
  const chat = chatId ?? (await store.createChat(owner, newChat())).id;
  const accepted = await store.acceptRuns(owner, newRun(chat));
  const [answer] = accepted.answers;
  if (!answer) throw new Error('the store gave no answer');
  return { chatId: chat, runId: answer.run.id, messageId: answer.message.id, accepted };
}

export function finish(runId: string, tail: FinishRun['tail'], change: Partial<FinishRun> = {}): FinishRun {
  return {
    runId,
    epoch: 1,
    now: startOfTime + 100,
    tail,
    endReason: 'stop',
    error: null,
    messageState: 'complete',
    outcome: {
      endReason: 'stop',
      error: null,
      adapters: [],
      usage: null,
      firstTokenMs: null,
      tokensPerSecond: null,
      droppedMessages: 0,
      resumed: false,
    },
    receipt: null,
    events: [],
    jobs: [],
    ...change,
  };
}

export async function expectError(attempt: Promise<unknown>, code: ErrorCode): Promise<AppError> {
  const error = await attempt.then(
    () => new Error(`it did not reject with ${code}`),
    (failure: unknown) => failure,
  );
  expect(error).toBeInstanceOf(AppError);
  expect((error as AppError).code, (error as AppError).message).toBe(code);
  return error as AppError;
}
