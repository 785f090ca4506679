import type { Job, JobStore, NewJob } from '../job-store.ts';
import { toJson, toJsonOrNull } from '../json.ts';
import { roundsKept, systemOwner } from '../schema.ts';
import { toJob } from './rows.ts';
import { notFound, type Session } from './session.ts';

type Query<Name extends keyof JobStore> = Parameters<JobStore[Name]>[0];

const active = ['waiting', 'working'];
/** No worker takes a job for longer at once: a lease that ends later was taken while a clock was ahead. */
const longestLeaseMs = 60 * 60 * 1000;

async function findByKey(session: Session, owner: string, key: string): Promise<Job | null> {
  const row = await session.database
    .selectFrom('job')
    .selectAll()
    .where('owner', '=', owner)
    .where('key', '=', key)
    .where('state', 'in', active)
    .executeTakeFirst();
  return row ? toJob(row) : null;
}

async function insertJob(session: Session, owner: string, job: NewJob): Promise<Job> {
  const known = job.key === undefined ? null : await findByKey(session, owner, job.key);
  if (known) return known;
  const row = await session.database
    .insertInto('job')
    .values({
      id: job.id,
      owner,
      kind: job.kind,
      payload_json: toJson(job.payload),
      key: job.key ?? null,
      state: 'waiting',
      attempts: 0,
      progress_json: null,
      error_json: null,
      created_at: job.createdAt,
      run_at: job.runAt,
      leased_by: null,
      leased_until: null,
      finished_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toJob(row);
}

export async function insertJobs(session: Session, owner: string, jobs: NewJob[]): Promise<void> {
  for (const job of jobs) await insertJob(session, owner, job);
}

export const jobReading = {
  async getJob(session: Session, owner: string, jobId: string): Promise<Job | null> {
    const row = await session.database
      .selectFrom('job')
      .selectAll()
      .where('id', '=', jobId)
      .where('owner', '=', owner)
      .executeTakeFirst();
    return row ? toJob(row) : null;
  },

  async listJobs(
    session: Session,
    owner: string,
    filter: { kind?: string; active?: boolean; limit: number },
  ): Promise<Job[]> {
    let query = session.database.selectFrom('job').selectAll().where('owner', '=', owner);
    if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind);
    if (filter.active === true) query = query.where('state', 'in', active);
    if (filter.active === false) query = query.where('state', 'not in', active);
    const rows = await query.orderBy('sequence', 'desc').limit(filter.limit).execute();
    return rows.map(toJob);
  },
};

export const jobWriting = {
  addJob: insertJob,

  async leaseJob(session: Session, query: Query<'leaseJob'>): Promise<Job | null> {
    if (query.kinds.length === 0) return null;
    const due = await session.database
      .selectFrom('job')
      .select('id')
      .where('kind', 'in', query.kinds)
      .where((where) =>
        where.or([
          where.and([where('state', '=', 'waiting'), where('run_at', '<=', query.now)]),
          where.and([where('state', '=', 'working'), where('leased_until', '<=', query.now)]),
          where.and([where('state', '=', 'working'), where('leased_until', '>', query.now + longestLeaseMs)]),
        ]),
      )
      .orderBy('run_at')
      .orderBy('sequence')
      .limit(1)
      .executeTakeFirst();
    if (!due) return null;
    const row = await session.database
      .updateTable('job')
      .set((job) => ({
        state: 'working',
        // The work of a worker that asks again goes on there: its lease passed while the machine slept.
        attempts: job
          .case()
          .when('leased_by', '=', query.worker)
          .then(job.ref('attempts'))
          .else(job('attempts', '+', 1))
          .end(),
        leased_by: query.worker,
        leased_until: query.leasedUntil,
      }))
      .where('id', '=', due.id)
      .where('state', 'in', active)
      .returningAll()
      .executeTakeFirst();
    return row ? toJob(row) : null;
  },

  async renewJob(session: Session, write: Query<'renewJob'>): Promise<boolean> {
    const result = await session.database
      .updateTable('job')
      .set({
        leased_until: write.leasedUntil,
        ...(write.progress === undefined ? {} : { progress_json: toJson(write.progress) }),
      })
      .where('id', '=', write.jobId)
      .where('leased_by', '=', write.worker)
      .where('state', '=', 'working')
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  },

  async finishJob(session: Session, write: Query<'finishJob'>): Promise<boolean> {
    const ended = { state: write.error ? 'failed' : 'done', finished_at: write.now };
    const result = await session.database
      .updateTable('job')
      .set((job) => ({
        ...(write.retryAt === undefined ? ended : { state: 'waiting', run_at: write.retryAt }),
        // It waits again and nothing failed: a stop of the program costs no attempt.
        ...(write.retryAt !== undefined && !write.error ? { attempts: job('attempts', '-', 1) } : {}),
        error_json: toJsonOrNull(write.error),
        leased_by: null,
        leased_until: null,
      }))
      .where('id', '=', write.jobId)
      .where('leased_by', '=', write.worker)
      .where('state', '=', 'working')
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  },

  async cancelJob(session: Session, owner: string, jobId: string, now: number): Promise<Job> {
    await session.database
      .updateTable('job')
      .set({ state: 'cancelled', finished_at: now, leased_by: null, leased_until: null })
      .where('id', '=', jobId)
      .where('owner', '=', owner)
      .where('state', 'in', active)
      .execute();
    const job = await jobReading.getJob(session, owner, jobId);
    if (!job) throw notFound('job');
    return job;
  },

  async purgeJobs(session: Session, finishedBefore: number): Promise<number> {
    const result = await session.database
      .deleteFrom('job')
      .where('finished_at', '<', finishedBefore)
      .where('id', 'not in', newestRounds(session))
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  },
};

function newestRounds({ database }: Session) {
  const rounds = database
    .selectFrom('job')
    .select((job) => [
      'id',
      job.fn
        .agg<number>('row_number')
        .over((over) => over.partitionBy('kind').orderBy('sequence', 'desc'))
        .as('place'),
    ])
    .where('owner', '=', systemOwner)
    .where('state', 'not in', active);
  return database.selectFrom(rounds.as('round')).select('round.id').where('round.place', '<=', roundsKept);
}
