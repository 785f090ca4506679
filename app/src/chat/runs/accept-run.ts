import { createHash, randomInt } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { AppError } from '../../contracts/app-error.ts';
import {
  maxMessageCharacters,
  maxTargets,
  type Chat,
  type ChatMessage,
  type ChatSettings,
} from '../../contracts/chats.ts';
import type { AcceptedAnswer, AcceptedRuns, AcceptRuns } from '../../store/run-store.ts';
import { branchTo } from '../../lib/message-tree.ts';
import type { RunInput, RunRequest } from '../chats.ts';
import { notFound, stale } from '../refusals.ts';
import type { EffectiveSettings } from '../settings/resolve-settings.ts';
import { executeRun } from './execute-run.ts';
import { LiveRun } from './live-run.ts';
import type { AnswerState, RunContext } from './run-context.ts';

export interface AcceptCall {
  owner: string;
  chatId: string;
  request: RunRequest;
  idempotencyKey?: string;
  /** Settings as they apply with those of one message on top. */
  settle: (chat: Chat, said: ChatSettings) => Promise<EffectiveSettings>;
}

/** Message and runs, on disk and begun when it resolves. A key that was seen before gives what it led to then. */
export async function acceptRuns(context: RunContext, call: AcceptCall): Promise<AcceptedRuns> {
  const { owner, chatId, request, idempotencyKey } = call;
  const refusal = context.closing.aborted ? shuttingDown() : context.refusal();
  if (refusal) throw refusal;
  if (idempotencyKey === undefined) return acceptNew(context, call);
  const idempotency = { key: idempotencyKey, requestHash: hashOf(chatId, request) };
  const before = await context.store.acceptedBefore(owner, idempotency);
  if (before) return before;
  try {
    return await acceptNew(context, call, idempotency);
  } catch (error) {
    // The same request may have come twice at once, and the other one was first.
    const meanwhile = await context.store.acceptedBefore(owner, idempotency);
    if (meanwhile) return meanwhile;
    throw error;
  }
}

async function acceptNew(
  context: RunContext,
  call: AcceptCall,
  idempotency?: AcceptRuns['idempotency'],
): Promise<AcceptedRuns> {
  const { owner, chatId, request } = call;
  const chat = await context.store.getChat(owner, chatId);
  if (!chat || chat.trashedAt !== null) throw notFound('chat');
  const targets = targetsOf(request);
  const settled = await Promise.all(targets.map((said) => call.settle(chat, said)));
  const now = context.clock.now();
  const place = await placeOf(context, { owner, chat, input: request.input, now });
  return acceptAndBegin(context, owner, {
    chatId,
    now,
    ...(idempotency === undefined ? {} : { idempotency }),
    parent: place.parent,
    ...(place.userMessage === undefined ? {} : { userMessage: place.userMessage }),
    answers: settled.map((settings, position) =>
      answerOf({ said: targets[position] ?? {}, settings, position, continued: place.continued }),
    ),
  });
}

/** Nothing that can fail stands between the commit and the beginning. */
async function acceptAndBegin(context: RunContext, owner: string, write: AcceptRuns): Promise<AcceptedRuns> {
  for (const { runId } of write.answers) context.beginning.add(runId);
  try {
    const accepted = await context.store.acceptRuns(owner, write);
    if (accepted.repeated) return accepted;
    const isTemporary = accepted.chat.temporary;
    for (const { run, message } of accepted.answers)
      context.keep(executeRun(context, new LiveRun(run, message.content, { isTemporary })));
    return accepted;
  } finally {
    for (const { runId } of write.answers) context.beginning.delete(runId);
  }
}

function shuttingDown(): AppError {
  return new AppError('shutting-down', 'the server is stopping and takes no new messages', {
    hint: 'Send it again in a moment.',
  });
}

function targetsOf({ input, settings, targets }: RunRequest): ChatSettings[] {
  if (targets === undefined) return [settings ?? {}];
  if (settings !== undefined)
    throw new AppError('bad-request', '`settings` and `targets` exclude each other');
  if (input.kind === 'continue')
    throw new AppError(
      'bad-request',
      'an answer can be continued by one model only, so `targets` has no place here',
    );
  if (targets.length === 0 || targets.length > maxTargets)
    throw new AppError('value-out-of-range', `\`targets\` must name 1 to ${maxTargets} targets`);
  return targets;
}

function answerOf(known: {
  said: ChatSettings;
  settings: EffectiveSettings;
  position: number;
  continued: ChatMessage | undefined;
}): AcceptedAnswer {
  const { said, settings, position, continued } = known;
  const sampling = { ...settings.sampling, seed: settings.sampling.seed ?? randomInt(2 ** 32) };
  const state: AnswerState = { settings: { ...settings, sampling }, position, plan: null };
  return {
    runId: uuidv7(),
    settings: said,
    state,
    target: continued
      ? { kind: 'continue', messageId: continued.id, version: continued.version }
      : { kind: 'new', messageId: uuidv7(), model: settings.model },
  };
}

/** Where in the tree the answers go. */
interface Place {
  parent: AcceptRuns['parent'];
  userMessage?: NonNullable<AcceptRuns['userMessage']>;
  continued?: ChatMessage;
}

interface Placing {
  owner: string;
  chat: Chat;
  input: RunInput;
  now: number;
}

async function placeOf(
  context: RunContext,
  placing: Placing,
): Promise<Place & { continued: ChatMessage | undefined }> {
  const { input } = placing;
  const place =
    input.kind === 'message'
      ? await placeNew(context, placing, input)
      : await placeAt(context, placing, input);
  return { continued: undefined, ...place };
}

async function placeNew(
  context: RunContext,
  { owner, chat, now }: Placing,
  input: Extract<RunInput, { kind: 'message' }>,
): Promise<Place> {
  const parentId = input.parentId === undefined ? chat.activeLeafId : input.parentId;
  const parent = parentId === null ? null : await wholeOf(context, { owner, chat, messageId: parentId });
  return { parent: basis(parent, input.version), userMessage: userMessage(input.content, { parent, now }) };
}

/** A message to answer below: rejects where the answer would be one to half of what is to come. */
async function wholeOf(context: RunContext, known: Known): Promise<ChatMessage> {
  const parent = await messageOf(context, known);
  if (await isBeingWritten(context, { ...known, parent }))
    throw new AppError('conflict', 'the answer before this message is still being written', {
      hint: 'Wait for it, or stop it.',
    });
  return parent;
}

/** An answer further up may be gone on with too. */
async function isBeingWritten(
  { store, live }: RunContext,
  { owner, chat, parent }: Known & { parent: ChatMessage },
): Promise<boolean> {
  if (parent.state === 'running') return true;
  const written = [...live.values()].filter(({ chatId }) => chatId === chat.id);
  if (written.length === 0) return false;
  const opened = await store.openChat(owner, chat.id);
  const branch = branchTo(opened?.messages ?? [], parent.id);
  return written.some(({ messageId }) => branch.some(({ id }) => id === messageId));
}

async function placeAt(
  context: RunContext,
  { owner, chat, now }: Placing,
  input: Exclude<RunInput, { kind: 'message' }>,
): Promise<Place> {
  const known = { owner, chat, messageId: input.messageId };
  const message = await messageOf(context, known);
  if (input.version !== undefined && input.version < message.version) throw stale('message', message.version);
  const above = async (): Promise<ChatMessage | null> =>
    message.parentId === null ? null : wholeOf(context, { ...known, messageId: message.parentId });
  switch (input.kind) {
    case 'edit': {
      if (message.role !== 'user') throw wrongRole('edited and answered', 'user');
      const parent = await above();
      return { parent: basis(parent), userMessage: userMessage(input.content, { parent, now }) };
    }
    case 'answer':
      if (message.role !== 'user') throw wrongRole('answered', 'user');
      return { parent: basis(await wholeOf(context, known)) };
    case 'regenerate': {
      const isAsked = message.role === 'user';
      return { parent: basis(isAsked ? await wholeOf(context, known) : await answered(message, above)) };
    }
    case 'continue':
      if (message.role !== 'assistant') throw wrongRole('continued', 'assistant');
      if (message.state === 'running') throw new AppError('conflict', 'this answer is still being written');
      await above();
      return { parent: null, continued: message };
  }
}

async function answered(
  message: ChatMessage,
  above: () => Promise<ChatMessage | null>,
): Promise<ChatMessage> {
  const parent = message.role === 'assistant' ? await above() : null;
  if (!parent)
    throw new AppError('bad-request', 'there is no message before this one that could be answered again');
  return parent;
}

function basis(message: ChatMessage | null, version?: number): AcceptRuns['parent'] {
  return message && { id: message.id, version: version ?? message.version };
}

function wrongRole(what: string, role: string): AppError {
  return new AppError('bad-request', `only a message of role ${role} can be ${what}`);
}

interface Known {
  owner: string;
  chat: Chat;
  messageId: string;
}

async function messageOf(context: RunContext, known: Known): Promise<ChatMessage> {
  const message = await context.store.getMessage(known.owner, known.messageId);
  if (message?.chatId !== known.chat.id) throw notFound('message in this chat');
  return message;
}

function userMessage(
  content: string,
  at: { parent: ChatMessage | null; now: number },
): NonNullable<AcceptRuns['userMessage']> {
  checkText(content);
  return { id: uuidv7(), parentId: at.parent?.id ?? null, role: 'user', content, createdAt: at.now };
}

/** What a person writes is kept unit for unit, so what cannot be is refused. */
export function checkText(content: string): void {
  if (content === '') throw new AppError('bad-request', 'the message is empty');
  if (content.length > maxMessageCharacters)
    throw new AppError(
      'value-out-of-range',
      `the message has ${content.length} characters; at most ${maxMessageCharacters} are taken`,
      { hint: 'Send it in parts.', details: { characters: content.length, limit: maxMessageCharacters } },
    );
  if (!content.isWellFormed())
    throw new AppError(
      'bad-request',
      'the message holds half of a character (a lone surrogate), which is no text',
      {
        hint: 'The program that made the text cut it inside a character; send the whole character.',
      },
    );
}

function hashOf(chatId: string, request: RunRequest): string {
  return createHash('sha256')
    .update(JSON.stringify([chatId, request]))
    .digest('hex');
}
