import { AppError } from '../../contracts/app-error.ts';
import type { PromptMessage } from '../../contracts/messages.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SseWriter } from '../sse-writer.ts';

/** What one visitor of the Gradio interface said; in memory only, bounded and forgotten after a while. */
export interface GradioSession {
  readonly owner: string;
  history: PromptMessage[];
  /** Jobs of one session run one after the other, so that its history has an order. */
  turn: Promise<unknown>;
  jobs: Map<string, GradioJob>;
  /** Messages nobody has read yet. */
  unread: string[];
  writer: SseWriter | null;
  /** Runs while a reader that left may still come back. */
  patience: NodeJS.Timeout | undefined;
  usedAt: number;
}

export interface GradioJob {
  id: string;
  stop: AbortController;
  /** `queue`: told over the stream of its session. `call`: by whoever asks for it, or waits. */
  reader: 'queue' | 'call';
  /** Ended: its outcome is kept a while for `GET /call/{name}/{event_id}`. */
  isOver: boolean;
}

export interface GradioSessions {
  /** The session, made when it is new. */
  of(owner: string, hash: string): GradioSession;
  /** Of any session of this person: the id alone is enough, since nobody guesses it. */
  findJob(owner: string, jobId: string): GradioJob | null;
}

const lifetimeMs = 60 * 60_000;
const maxSessions = 1_000;
/** Oldest exchanges are forgotten beyond it; a session is not an archive. */
const maxHistoryCharacters = 1_000_000;
const maxJobs = 32;

/** Keeps what still fits, newest first and whole exchanges only. */
export function boundedHistory(history: readonly PromptMessage[]): PromptMessage[] {
  let characters = 0;
  let first = history.length;
  while (first > 0) {
    characters += history[first - 1]?.content.length ?? 0;
    if (characters > maxHistoryCharacters) break;
    first--;
  }
  while (first > 0 && first < history.length && history[first]?.role === 'assistant') first++;
  return history.slice(first);
}

export function createGradioSessions({ clock }: { clock: Clock }): GradioSessions {
  const sessions = new Map<string, GradioSession>();

  function forgetOld(): void {
    for (const [name, session] of sessions) {
      const isBusy = [...session.jobs.values()].some(({ isOver }) => !isOver);
      const isOld = clock.now() - session.usedAt > lifetimeMs;
      if (isBusy || (!isOld && sessions.size <= maxSessions)) continue;
      session.writer?.end();
      sessions.delete(name);
    }
  }

  return {
    of(owner, hash) {
      const name = `${owner}\n${hash}`;
      let session = sessions.get(name);
      if (session === undefined) {
        forgetOld();
        if (sessions.size > maxSessions) throw new AppError('rate-limited', 'too many sessions are at work');
        session = {
          owner,
          history: [],
          turn: Promise.resolve(),
          jobs: new Map(),
          unread: [],
          writer: null,
          patience: undefined,
          usedAt: 0,
        };
      }
      // Used last goes to the end, so that the oldest is found first.
      sessions.delete(name);
      sessions.set(name, session);
      session.usedAt = clock.now();
      return session;
    },
    findJob(owner, jobId) {
      for (const session of sessions.values()) {
        const job = session.owner === owner ? session.jobs.get(jobId) : undefined;
        if (job !== undefined) return job;
      }
      return null;
    },
  };
}

/** What the reader of the session's stream waits for. */
export function awaitedJobs(session: GradioSession): GradioJob[] {
  return [...session.jobs.values()].filter(({ isOver, reader }) => reader === 'queue' && !isOver);
}

export function admitJob(session: GradioSession, job: GradioJob): void {
  for (const [id, known] of session.jobs) {
    if (session.jobs.size >= maxJobs && known.isOver) session.jobs.delete(id);
  }
  if (session.jobs.size >= maxJobs) {
    throw new AppError('rate-limited', `this session has ${maxJobs} questions waiting already`);
  }
  session.jobs.set(job.id, job);
}
