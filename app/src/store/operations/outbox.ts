import { sql } from 'kysely';
import type {
  DeliveryOutcome,
  NewOutboxEvent,
  OutboxEvent,
  OutboxStatus,
  OutboxStore,
} from '../outbox-store.ts';
import { systemOwner } from '../schema.ts';
import type { Page, PageRequest } from '../store.ts';
import { decodeCursor, toPage } from './cursor.ts';
import { toJson } from '../json.ts';
import { toOutboxEvent } from './rows.ts';
import { countAll, inPieces, type Session } from './session.ts';

type Query<Name extends keyof OutboxStore> = Parameters<OutboxStore[Name]>[0];

export async function insertEvents(session: Session, owner: string, events: NewOutboxEvent[]): Promise<void> {
  for (const event of events)
    await session.database
      .insertInto('outbox')
      .values({
        id: event.id,
        owner,
        conversation_id: event.conversationId,
        body: event.body,
        size_bytes: Buffer.byteLength(event.body),
        created_at: event.createdAt,
        attempts: 0,
        next_attempt_at: event.createdAt,
        last_error: null,
        state: 'pending',
      })
      .execute();
}

/** Figures that outlive the rows they count, by name. */
interface Counters {
  'outbox-delivered': number;
  'outbox-dropped': number;
  'outbox-last-delivered-at': number;
  'outbox-last-error': string;
  'outbox-disabled': OutboxStatus['disabled'];
  'outbox-aged-at': number;
}

async function readCounters(session: Session): Promise<Partial<Counters>> {
  const rows = await session.database
    .selectFrom('counter')
    .select(['name', 'value_json'])
    .where('owner', '=', systemOwner)
    .where('name', 'like', 'outbox-%')
    .execute();
  return Object.fromEntries(rows.map((row) => [row.name, JSON.parse(row.value_json) as unknown]));
}

async function writeCounter<Name extends keyof Counters>(
  session: Session,
  name: Name,
  value: Counters[Name],
): Promise<void> {
  const value_json = toJson(value);
  await session.database
    .insertInto('counter')
    .values({ owner: systemOwner, name, value_json })
    .onConflict((conflict) => conflict.columns(['owner', 'name']).doUpdateSet({ value_json }))
    .execute();
}

async function addToCounter(
  session: Session,
  name: 'outbox-delivered' | 'outbox-dropped',
  count: number,
): Promise<void> {
  if (count > 0) await writeCounter(session, name, ((await readCounters(session))[name] ?? 0) + count);
}

/** No event waits longer for its next attempt: one that would was written or put off while a clock was ahead. */
const longestWaitMs = 27 * 60 * 60 * 1000;

/** See `ageOutbox`. */
const longestStepMs = 60 * 60 * 1000;

const sumOfSizes = sql<number>`cast(coalesce(sum(size_bytes), 0) as bigint)`;

export const outboxReading = {
  async dueOutboxEvents(session: Session, query: Query<'dueOutboxEvents'>): Promise<OutboxEvent[]> {
    if ((await readCounters(session))['outbox-disabled']) return [];
    const first = session.database
      .selectFrom('outbox')
      .select(sql<number>`min(sequence)`.as('sequence'))
      .where('state', '=', 'pending')
      .groupBy('conversation_id');
    const busy = new Set(query.except);
    const rows = await session.database
      .selectFrom('outbox')
      .selectAll()
      .where('sequence', 'in', first)
      .where((where) =>
        where.or([
          where('next_attempt_at', '<=', query.now),
          where('next_attempt_at', '>', query.now + longestWaitMs),
        ]),
      )
      .orderBy('sequence')
      .limit(query.limit + busy.size)
      .execute();
    return rows
      .filter((row) => !busy.has(row.conversation_id))
      .slice(0, query.limit)
      .map(toOutboxEvent);
  },

  async nextOutboxAttempt(session: Session): Promise<number | null> {
    const first = session.database
      .selectFrom('outbox')
      .select(sql<number>`min(sequence)`.as('sequence'))
      .where('state', '=', 'pending')
      .groupBy('conversation_id');
    const row = await session.database
      .selectFrom('outbox')
      .select(sql<number | null>`min(next_attempt_at)`.as('at'))
      .where('sequence', 'in', first)
      .executeTakeFirst();
    return row?.at ?? null;
  },

  async outboxStatus(session: Session): Promise<OutboxStatus> {
    const rows = await session.database
      .selectFrom('outbox')
      .select([
        'state',
        countAll.as('count'),
        sumOfSizes.as('bytes'),
        sql<number>`min(created_at)`.as('oldest'),
      ])
      .groupBy('state')
      .execute();
    const counters = await readCounters(session);
    const none = { count: 0, bytes: 0, oldest: null };
    const pending = rows.find((row) => row.state === 'pending') ?? none;
    const dead = rows.find((row) => row.state === 'dead') ?? none;
    return {
      pending: pending.count,
      pendingBytes: pending.bytes,
      oldestPendingAt: pending.oldest,
      dead: dead.count,
      deadBytes: dead.bytes,
      delivered: counters['outbox-delivered'] ?? 0,
      dropped: counters['outbox-dropped'] ?? 0,
      lastDeliveredAt: counters['outbox-last-delivered-at'] ?? null,
      lastError: counters['outbox-last-error'] ?? null,
      disabled: counters['outbox-disabled'] ?? null,
    };
  },

  async listDeadEvents(session: Session, page: PageRequest): Promise<Page<OutboxEvent>> {
    const after = decodeCursor<[number]>(page.cursor, [0]);
    const rows = await session.database
      .selectFrom('outbox')
      .selectAll()
      .where('state', '=', 'dead')
      .where('sequence', '>', after?.[0] ?? 0)
      .orderBy('sequence')
      .limit(page.limit + 1)
      .execute();
    return toPage(rows, page.limit, { item: toOutboxEvent, position: (row) => [row.sequence] });
  },
};

async function recordOne(session: Session, outcome: DeliveryOutcome): Promise<boolean> {
  if (outcome.outcome === 'delivered') {
    const deleted = await session.database
      .deleteFrom('outbox')
      .where('id', '=', outcome.id)
      .executeTakeFirst();
    return deleted.numDeletedRows > 0n;
  }
  await session.database
    .updateTable('outbox')
    .set((row) => ({
      last_error: outcome.error,
      ...(outcome.outcome === 'early' ? {} : { attempts: row('attempts', '+', 1) }),
      ...(outcome.outcome === 'retry' ? { next_attempt_at: outcome.nextAttemptAt } : {}),
      ...(outcome.outcome === 'dead' ? { state: 'dead' } : {}),
    }))
    .where('id', '=', outcome.id)
    .execute();
  return false;
}

export const outboxWriting = {
  async addOutboxEvents(session: Session, owner: string, events: NewOutboxEvent[]): Promise<void> {
    await insertEvents(session, owner, events);
  },

  async recordDeliveries(session: Session, outcomes: DeliveryOutcome[]): Promise<void> {
    let delivered = 0;
    let lastDeliveredAt = 0;
    let lastError: string | undefined;
    for (const outcome of outcomes) {
      const counts = await recordOne(session, outcome);
      if (counts) delivered += 1;
      if (outcome.outcome === 'delivered') lastDeliveredAt = Math.max(lastDeliveredAt, outcome.now);
      else lastError = outcome.error;
    }
    await addToCounter(session, 'outbox-delivered', delivered);
    if (delivered > 0) await writeCounter(session, 'outbox-last-delivered-at', lastDeliveredAt);
    if (lastError !== undefined) await writeCounter(session, 'outbox-last-error', lastError);
  },

  async replayDeadEvents(session: Session, query: { ids?: string[]; now: number }): Promise<number> {
    const change = { state: 'pending', attempts: 0, next_attempt_at: query.now };
    const revive = session.database.updateTable('outbox').set(change).where('state', '=', 'dead');
    if (query.ids === undefined) return Number((await revive.executeTakeFirst()).numUpdatedRows);
    let revived = 0;
    for (const piece of inPieces(query.ids))
      revived += Number((await revive.where('id', 'in', piece).executeTakeFirst()).numUpdatedRows);
    return revived;
  },

  async ageOutbox(session: Session, now: number): Promise<number> {
    const kept = (await readCounters(session))['outbox-aged-at'];
    const agedAt = Math.min(now, (kept ?? now) + longestStepMs);
    // Once an hour, not with every look, of which an idle machine's disk would never come to rest.
    if (kept === undefined || Math.abs(agedAt - kept) >= longestStepMs)
      await writeCounter(session, 'outbox-aged-at', agedAt);
    return agedAt;
  },

  async trimOutbox(session: Session, bounds: Query<'trimOutbox'>): Promise<number> {
    const old = await session.database
      .deleteFrom('outbox')
      // Every state there is, so that the index is used.
      .where('state', 'in', ['pending', 'dead'])
      .where('created_at', '<', bounds.createdBefore)
      .executeTakeFirst();
    const dropped = Number(old.numDeletedRows) + (await trimBytes(session, bounds.maxBytes));
    await addToCounter(session, 'outbox-dropped', dropped);
    return dropped;
  },

  async setOutboxDisabled(session: Session, disabled: OutboxStatus['disabled']): Promise<void> {
    await writeCounter(session, 'outbox-disabled', disabled);
  },
};

/** SQLite reads the whole body of each row whose size is asked, so hardly more are looked at than go. */
const trimmedAtOnce = 20;

async function trimBytes(session: Session, maxBytes: number): Promise<number> {
  const total = await session.database.selectFrom('outbox').select(sumOfSizes.as('bytes')).executeTakeFirst();
  let excess = (total?.bytes ?? 0) - maxBytes;
  let dropped = 0;
  while (excess > 0) {
    const rows = await session.database
      .selectFrom('outbox')
      .select(['sequence', 'size_bytes'])
      .orderBy('sequence')
      .limit(trimmedAtOnce)
      .execute();
    const doomed: number[] = [];
    for (const row of rows) {
      if (excess <= 0) break;
      doomed.push(row.sequence);
      excess -= row.size_bytes;
    }
    if (doomed.length === 0) break;
    await session.database.deleteFrom('outbox').where('sequence', 'in', doomed).execute();
    dropped += doomed.length;
  }
  return dropped;
}
