import type { Selectable } from 'kysely';
import { AppError, type ErrorBody } from '../../contracts/app-error.ts';
import type { Receipt, Run } from '../../contracts/runs.ts';
import type { JournalEntry, JournalText, RunRecord, RunStore } from '../run-store.ts';
import type { RunTable } from '../schema.ts';
import { fromJson, toJson, toJsonOrNull } from '../json.ts';
import { toRun, toRunRecord } from './rows.ts';
import { notFound, type Session } from './session.ts';

type Write<Name extends keyof RunStore> = Parameters<RunStore[Name]>[1];
export type RunRow = Selectable<RunTable>;

export function findRun(session: Session, owner: string, runId: string): Promise<RunRow | undefined> {
  return session.database
    .selectFrom('run')
    .selectAll()
    .where('id', '=', runId)
    .where('owner', '=', owner)
    .executeTakeFirst();
}

export function notice(
  session: Session,
  row: Pick<RunRow, 'id' | 'epoch' | 'durable_offset' | 'phase'>,
): void {
  session.notices.push({
    runId: row.id,
    epoch: row.epoch,
    durableOffset: row.durable_offset,
    phase: row.phase as Run['phase'],
  });
}

async function requireWritable(
  session: Session,
  owner: string,
  write: { runId: string; epoch: number },
): Promise<RunRow> {
  const row = await findRun(session, owner, write.runId);
  if (!row) throw notFound('run');
  if (row.phase === 'ended' || row.epoch !== write.epoch)
    throw new AppError('conflict', 'This run has ended or was taken up by another worker.', {
      details: { epoch: row.epoch, phase: row.phase },
    });
  return row;
}

/** What the journal has of a run, from `from` on. */
export async function readEntries(session: Session, runId: string, from: number): Promise<string> {
  const entries = await session.database
    .selectFrom('journal')
    .select(['start_offset', 'text'])
    .where('run_id', '=', runId)
    .where('end_offset', '>', from)
    .orderBy('start_offset')
    .execute();
  return entries.map((entry) => entry.text.slice(Math.max(0, from - entry.start_offset))).join('');
}

async function readContent(session: Session, messageId: string): Promise<string> {
  const row = await session.database
    .selectFrom('message')
    .select('content')
    .where('id', '=', messageId)
    .executeTakeFirst();
  return row?.content ?? '';
}

export const runReading = {
  async getRun(session: Session, owner: string, runId: string): Promise<RunRecord | null> {
    const row = await findRun(session, owner, runId);
    return row ? toRunRecord(row) : null;
  },

  async listRuns(
    session: Session,
    owner: string,
    filter: { active?: boolean; chatId?: string; limit: number },
  ): Promise<Run[]> {
    let query = session.database.selectFrom('run').selectAll().where('owner', '=', owner);
    if (filter.active === true) query = query.where('phase', '<>', 'ended');
    if (filter.active === false) query = query.where('phase', '=', 'ended');
    if (filter.chatId !== undefined) query = query.where('chat_id', '=', filter.chatId);
    const rows = await query.orderBy('sequence', 'desc').limit(filter.limit).execute();
    return rows.map(toRun);
  },

  async unfinishedRuns(session: Session): Promise<RunRecord[]> {
    const rows = await session.database
      .selectFrom('run')
      .selectAll()
      .where('phase', '<>', 'ended')
      .orderBy('sequence')
      .execute();
    return rows.map(toRunRecord);
  },

  async readJournal(
    session: Session,
    owner: string,
    runId: string,
    from: number,
  ): Promise<JournalText | null> {
    const row = await findRun(session, owner, runId);
    if (!row) return null;
    const head = { epoch: row.epoch, phase: row.phase as Run['phase'], durableOffset: row.durable_offset };
    const needsMessage = row.phase === 'ended' || from < row.start_offset;
    const content = needsMessage ? await readContent(session, row.message_id) : '';
    if (row.phase === 'ended') return { ...head, text: content.slice(from, row.durable_offset) };
    return { ...head, text: content.slice(from) + (await readEntries(session, runId, from)) };
  },

  async listReceipts(session: Session, owner: string, messageId: string): Promise<Receipt[]> {
    const rows = await session.database
      .selectFrom('receipt')
      .select('body_json')
      .where('message_id', '=', messageId)
      .where('owner', '=', owner)
      .orderBy('sequence')
      .execute();
    return rows.map((row) => fromJson(row.body_json));
  },

  async getReceipt(session: Session, owner: string, runId: string): Promise<Receipt | null> {
    const row = await session.database
      .selectFrom('receipt')
      .select('body_json')
      .where('run_id', '=', runId)
      .where('owner', '=', owner)
      .executeTakeFirst();
    return row ? fromJson(row.body_json) : null;
  },
};

export const runWriting = {
  async updateRun(session: Session, owner: string, write: Write<'updateRun'>): Promise<void> {
    const row = await requireWritable(session, owner, write);
    const phase = write.phase ?? row.phase;
    const updated = await session.database
      .updateTable('run')
      .set({ phase, ...(write.state === undefined ? {} : { state_json: toJson(write.state) }) })
      .where('id', '=', row.id)
      .where('epoch', '=', row.epoch)
      .returningAll()
      .executeTakeFirstOrThrow();
    if (phase !== row.phase) notice(session, updated);
  },

  async resumeRun(
    session: Session,
    owner: string,
    write: Write<'resumeRun'>,
  ): Promise<{ run: RunRecord; text: string }> {
    const row = await requireWritable(session, owner, write);
    const updated = await session.database
      .updateTable('run')
      .set({
        epoch: row.epoch + 1,
        phase: 'accepted',
        engine_crashes: row.engine_crashes + (write.engineCrashed ? 1 : 0),
        resumed_at_json: toJson([...fromJson(row.resumed_at_json), row.durable_offset]),
      })
      .where('id', '=', row.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    notice(session, updated);
    const text = (await readContent(session, row.message_id)) + (await readEntries(session, row.id, 0));
    return { run: toRunRecord(updated), text };
  },

  async appendJournal(session: Session, entries: JournalEntry[]): Promise<{ refusedRunIds: string[] }> {
    const refusedRunIds: string[] = [];
    for (const entry of entries) {
      const end = entry.offset + entry.text.length;
      const run = await session.database
        .updateTable('run')
        .set({ durable_offset: end })
        .where('id', '=', entry.runId)
        .where('owner', '=', entry.owner)
        .where('epoch', '=', entry.epoch)
        .where('durable_offset', '=', entry.offset)
        .where('phase', '<>', 'ended')
        .returning(['id', 'epoch', 'durable_offset', 'phase'])
        .executeTakeFirst();
      if (!run) {
        refusedRunIds.push(entry.runId);
        continue;
      }
      if (entry.text === '') continue;
      await session.database
        .insertInto('journal')
        .values({
          run_id: entry.runId,
          owner: entry.owner,
          start_offset: entry.offset,
          end_offset: end,
          text: entry.text,
        })
        .execute();
      notice(session, run);
    }
    return { refusedRunIds };
  },

  async purgeIdempotencyKeys(session: Session, before: number): Promise<number> {
    const result = await session.database
      .deleteFrom('idempotency')
      .where('created_at', '<', before)
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  },
};

export const newRunColumns = {
  epoch: 1,
  engine_crashes: 0,
  resumed_at_json: toJson<number[]>([]),
  end_reason: null,
  ended_at: null,
};

export function endColumns(end: {
  endReason: string;
  error: ErrorBody | null;
  now: number;
}): Partial<RunRow> {
  return {
    phase: 'ended',
    end_reason: end.endReason,
    error_json: toJsonOrNull(end.error),
    ended_at: end.now,
  };
}
