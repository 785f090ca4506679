import type { Run, RunEvent } from '../../contracts/runs.ts';
import type { RunRecord } from '../../store/run-store.ts';
import { notFound } from '../refusals.ts';
import type { RunContext } from './run-context.ts';

export interface WatchRequest {
  from: number;
  /** The epoch `from` was seen in. */
  epoch?: number;
  signal: AbortSignal;
}

/** Events of a run from an offset, whether this process answers it, another one does, or it ended. */
export async function* watchRun(
  context: RunContext,
  owner: string,
  runId: string,
  request: WatchRequest,
): AsyncIterable<RunEvent> {
  const live = context.live.get(runId);
  if (live?.owner === owner) {
    let ended = false;
    for await (const event of live.watch(request.from, request.epoch, request.signal)) {
      ended = event.type === 'end';
      yield event;
    }
    if (ended || request.signal.aborted || context.closing.aborted) return;
  }
  const record = await context.store.getRun(owner, runId);
  if (!record) throw notFound('run');
  yield* watchStored(context, record, request);
}

async function* watchStored(
  context: RunContext,
  record: RunRecord,
  request: WatchRequest,
): AsyncIterable<RunEvent> {
  const cut = request.epoch === undefined ? undefined : record.resumedAt[request.epoch - 1];
  let offset = Math.min(request.from, cut ?? request.from, record.durableOffset);
  let epoch = record.epoch;
  yield startEvent(record, offset);
  if (record.phase !== 'ended') {
    for await (const notice of context.store.watchRun(record.owner, record.id, request.signal)) {
      if (notice.epoch !== epoch) {
        epoch = notice.epoch;
        yield { ...startEvent({ ...record, ...notice, id: record.id }, offset) };
      }
      for await (const event of textFrom(context, record, offset)) {
        if (event.type === 'text') offset = event.offset + event.text.length;
        yield event;
      }
      if (notice.phase === 'ended') break;
    }
    if (request.signal.aborted) return;
  }
  yield* textFrom(context, record, offset);
  const ended = await context.store.getRun(record.owner, record.id);
  if (ended?.phase === 'ended') yield endEvent(ended);
}

async function* textFrom(context: RunContext, record: RunRecord, offset: number): AsyncIterable<RunEvent> {
  const journal = await context.store.readJournal(record.owner, record.id, offset);
  if (!journal || journal.text === '') return;
  yield { runId: record.id, epoch: journal.epoch, type: 'text', offset, text: journal.text };
  yield { runId: record.id, epoch: journal.epoch, type: 'durable', offset: offset + journal.text.length };
}

function startEvent(run: Run, offset: number): RunEvent {
  return {
    runId: run.id,
    epoch: run.epoch,
    type: 'start',
    messageId: run.messageId,
    chatId: run.chatId,
    phase: run.phase,
    offset,
    durableOffset: run.durableOffset,
  };
}

function endEvent(record: RunRecord): RunEvent {
  return {
    runId: record.id,
    epoch: record.epoch,
    type: 'end',
    reason: record.endReason ?? 'interrupted',
    offset: record.durableOffset,
    ...(record.error === null ? {} : { error: record.error }),
    resumed: record.resumedAt.length > 0,
  };
}
