import type { Insertable } from 'kysely';
import { AppError } from '../../contracts/app-error.ts';
import { leafThrough } from '../../lib/message-tree.ts';
import type { AcceptedAnswer, AcceptedRuns, AcceptRuns, FinishRun } from '../run-store.ts';
import type { AcceptedIds, MessageTable, RunTable } from '../schema.ts';
import { type ChatRow, readChat, requireChat, requireMessage } from './chat-reading.ts';
import { insertMessages, newMessageRow, requireParent, setLeaf } from './chat-writing.ts';
import { type MessageRow, selectNodes } from './message-reading.ts';
import { insertJobs } from './jobs.ts';
import { insertEvents } from './outbox.ts';
import { fromJson, toJson } from '../json.ts';
import { toMessage, toRunRecord } from './rows.ts';
import { endColumns, findRun, newRunColumns, notice, readEntries } from './runs.ts';
import { notFound, requireVersion, type Session } from './session.ts';

export const acceptanceReading = {
  async acceptedBefore(
    session: Session,
    owner: string,
    idempotency: NonNullable<AcceptRuns['idempotency']>,
  ): Promise<AcceptedRuns | null> {
    const known = await findAccepted(session, owner, { idempotency });
    return known && readAccepted(session, owner, { ...known, repeated: true });
  },
};

/** The first and the last transaction of a run. */
export const runBoundaries = {
  async acceptRuns(session: Session, owner: string, write: AcceptRuns): Promise<AcceptedRuns> {
    const known = await findAccepted(session, owner, write);
    if (known) return readAccepted(session, owner, { ...known, repeated: true });
    const chat = await requireChat(session, owner, write.chatId);
    const parent = await requireParent(session, chat, write.parent?.id ?? null);
    if (parent && write.parent) requireVersion('message', write.parent.version, parent);
    const parentId = await addUserMessage(session, chat, write);
    const answers: AcceptedIds['answers'] = [];
    for (const answer of write.answers) {
      const messageId = await acceptAnswer(session, chat, { answer, parentId, now: write.now });
      answers.push({ runId: answer.runId, messageId });
    }
    const leafId = await leafShown(session, chat, write.answers[0]?.target);
    await setLeaf(session, chat.id, { active_leaf_id: leafId ?? parentId, updated_at: write.now });
    const ids = { userMessageId: write.userMessage?.id ?? null, answers };
    if (write.idempotency)
      await session.database
        .insertInto('idempotency')
        .values({
          owner,
          key: write.idempotency.key,
          request_hash: write.idempotency.requestHash,
          chat_id: chat.id,
          accepted_json: toJson(ids),
          created_at: write.now,
        })
        .execute();
    return readAccepted(session, owner, { chatId: chat.id, ids, repeated: false });
  },

  async finishRun(session: Session, owner: string, write: FinishRun): Promise<boolean> {
    const { runId, epoch, now, tail } = write;
    const end = tail.offset + tail.text.length;
    const run = await session.database
      .updateTable('run')
      .set({ ...endColumns(write), durable_offset: end })
      .where('id', '=', runId)
      .where('owner', '=', owner)
      .where('epoch', '=', epoch)
      .where('phase', '<>', 'ended')
      .where('durable_offset', '=', tail.offset)
      .returningAll()
      .executeTakeFirst();
    if (!run) return refuseFinish(session, owner, write);
    const journal = await readEntries(session, runId, 0);
    await finishMessage(session, run.message_id, { text: journal + tail.text, write });
    await session.database.deleteFrom('journal').where('run_id', '=', runId).execute();
    await session.database
      .updateTable('chat')
      .set({ updated_at: now })
      .where('id', '=', run.chat_id)
      .execute();
    if (write.receipt)
      await session.database
        .insertInto('receipt')
        .values({
          run_id: runId,
          owner,
          chat_id: run.chat_id,
          message_id: run.message_id,
          body_json: toJson(write.receipt),
          created_at: now,
        })
        .execute();
    await insertEvents(session, owner, write.events);
    await insertJobs(session, owner, write.jobs);
    notice(session, run);
    return true;
  },
};

async function findAccepted(
  session: Session,
  owner: string,
  write: Pick<AcceptRuns, 'idempotency'>,
): Promise<{ chatId: string; ids: AcceptedIds } | null> {
  if (!write.idempotency) return null;
  const row = await session.database
    .selectFrom('idempotency')
    .selectAll()
    .where('owner', '=', owner)
    .where('key', '=', write.idempotency.key)
    .executeTakeFirst();
  if (!row) return null;
  if (row.request_hash !== write.idempotency.requestHash)
    throw new AppError('idempotency-mismatch', 'This idempotency key was used with another request.', {
      hint: 'Use a new key for each new request.',
    });
  return { chatId: row.chat_id, ids: fromJson(row.accepted_json) };
}

async function readAccepted(
  session: Session,
  owner: string,
  accepted: { chatId: string; ids: AcceptedIds; repeated: boolean },
): Promise<AcceptedRuns> {
  const answers: AcceptedRuns['answers'] = [];
  for (const { runId, messageId } of accepted.ids.answers) {
    const run = await findRun(session, owner, runId);
    if (!run) throw notFound('run');
    answers.push({
      run: toRunRecord(run),
      message: toMessage(await requireMessage(session, owner, messageId)),
    });
  }
  const { userMessageId } = accepted.ids;
  return {
    chat: await readChat(session, owner, accepted.chatId),
    userMessage:
      userMessageId === null ? null : toMessage(await requireMessage(session, owner, userMessageId)),
    answers,
    repeated: accepted.repeated,
  };
}

/** Gives the message below which the answers go. */
async function addUserMessage(session: Session, chat: ChatRow, write: AcceptRuns): Promise<string | null> {
  const parentId = write.parent?.id ?? null;
  if (!write.userMessage) return parentId;
  await insertMessages(session, [newMessageRow(chat.owner, chat.id, { ...write.userMessage, parentId })]);
  return write.userMessage.id;
}

/** The end of the branch with the answer: what stands below one that is gone on with stays in view. */
async function leafShown(
  session: Session,
  chat: ChatRow,
  target: AcceptedAnswer['target'] | undefined,
): Promise<string | null> {
  if (target?.kind !== 'continue') return target?.messageId ?? null;
  return leafThrough(await selectNodes(session.database, chat.id), target.messageId, chat.active_leaf_id);
}

interface Accepting {
  answer: AcceptedAnswer;
  parentId: string | null;
  now: number;
}

async function acceptAnswer(session: Session, chat: ChatRow, accepting: Accepting): Promise<string> {
  const { answer, now } = accepting;
  const message =
    answer.target.kind === 'new'
      ? await insertAnswer(session, chat, accepting)
      : await continueAnswer(session, chat, answer);
  const run: Insertable<RunTable> = {
    ...newRunColumns,
    id: answer.runId,
    owner: chat.owner,
    chat_id: chat.id,
    message_id: message.id,
    phase: 'accepted',
    start_offset: message.content.length,
    durable_offset: message.content.length,
    settings_json: toJson(answer.settings),
    state_json: toJson(answer.state),
    error_json: null,
    created_at: now,
  };
  await session.database.insertInto('run').values(run).execute();
  return message.id;
}

async function insertAnswer(session: Session, chat: ChatRow, accepting: Accepting): Promise<MessageRow> {
  const { answer, parentId, now } = accepting;
  if (answer.target.kind !== 'new') throw notFound('message');
  const row: Insertable<MessageTable> = {
    ...newMessageRow(chat.owner, chat.id, {
      id: answer.target.messageId,
      parentId,
      role: 'assistant',
      content: '',
      createdAt: now,
      model: answer.target.model,
      state: 'running',
    }),
    run_id: answer.runId,
  };
  const [inserted] = await insertMessages(session, [row]);
  if (!inserted) throw notFound('message');
  return inserted;
}

async function continueAnswer(session: Session, chat: ChatRow, answer: AcceptedAnswer): Promise<MessageRow> {
  if (answer.target.kind !== 'continue') throw notFound('message');
  const message = await requireParent(session, chat, answer.target.messageId);
  if (!message) throw notFound('message');
  requireVersion('message', answer.target.version, message);
  if (message.state === 'running' || message.role !== 'assistant')
    throw new AppError('conflict', 'Only an answer that nothing is writing can be continued.', {
      details: { state: message.state, role: message.role },
    });
  return session.database
    .updateTable('message')
    .set({ state: 'running', run_id: answer.runId, outcome_json: null, version: message.version + 1 })
    .where('id', '=', message.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

async function finishMessage(
  session: Session,
  messageId: string,
  end: { text: string; write: FinishRun },
): Promise<void> {
  const row = await session.database
    .selectFrom('message')
    .select(['content', 'version'])
    .where('id', '=', messageId)
    .executeTakeFirst();
  if (!row) return;
  const content = row.content + end.text;
  await session.database
    .updateTable('message')
    .set({
      content,
      state: end.write.messageState,
      outcome_json: toJson(end.write.outcome),
      version: row.version + 1,
    })
    .where('id', '=', messageId)
    .execute();
  await session.dialect.index(session.database, 'message', [{ id: messageId, text: content }]);
}

/** Ended, unknown or of another epoch: false. The right run at the wrong offset is a fault of the caller. */
async function refuseFinish(session: Session, owner: string, write: FinishRun): Promise<false> {
  const row = await findRun(session, owner, write.runId);
  if (!row || row.phase === 'ended' || row.epoch !== write.epoch) return false;
  throw new AppError('conflict', 'The end of this run does not join what is on disk.', {
    details: { durableOffset: row.durable_offset, offset: write.tail.offset },
  });
}
