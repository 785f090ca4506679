import { uuidv7 } from 'uuidv7';
import { AppError } from '../../contracts/app-error.ts';
import type { PromptMessage } from '../../contracts/messages.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SseWriter } from '../sse-writer.ts';

/** What one visitor of the Gradio interface said; in memory only, bounded and forgotten after a while. */
export interface GradioSession {
  readonly name: string;
  readonly owner: string;
  /** Asked without one, so that nobody can ask in it again: gone when its answer is there. */
  readonly isNameless: boolean;
  history: PromptMessage[];
  /** How many messages the conversation has had: those of the history, and those forgotten. */
  said: number;
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
  /** The session, made when it is new, forgotten or has no hash. */
  of(owner: string, hash: string | null): GradioSession;
  /** Of any session of this person: the id alone is enough, since nobody guesses it. */
  findJob(owner: string, jobId: string): GradioJob | null;
  /** A job of it is over: a nameless one is forgotten, any other was used now. */
  jobEnded(session: GradioSession): void;
}

const lifetimeMs = 60 * 60_000;
/** How often it is looked whether a session may be forgotten, while nobody asks. */
const sweepMs = 5 * 60_000;
const maxSessions = 1_000;
const maxJobs = 32;

function isBusy(session: GradioSession): boolean {
  return [...session.jobs.values()].some(({ isOver }) => !isOver);
}

/** Looks again and again, as long as there is more to look after, once it was asked to. */
function createSweep(look: () => boolean): () => void {
  let timer: NodeJS.Timeout | undefined;
  const later = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (look()) later();
    }, sweepMs).unref();
  };
  return later;
}

export function createGradioSessions({ clock }: { clock: Clock }): GradioSessions {
  /** Used last is last, so that the oldest is found first. */
  const sessions = new Map<string, GradioSession>();

  function isDone(session: GradioSession): boolean {
    return !isBusy(session) && (session.isNameless || clock.now() - session.usedAt > lifetimeMs);
  }

  function forget(session: GradioSession): void {
    session.writer?.end();
    sessions.delete(session.name);
  }

  function forgetDone(): void {
    for (const session of sessions.values()) if (isDone(session)) forget(session);
  }

  function makeRoom(): void {
    for (const session of sessions.values()) {
      if (sessions.size >= maxSessions && !isBusy(session)) forget(session);
    }
    if (sessions.size >= maxSessions) throw new AppError('rate-limited', 'too many sessions are at work');
  }

  const sweepLater = createSweep(() => {
    forgetDone();
    return sessions.size > 0;
  });

  function use(session: GradioSession): GradioSession {
    sessions.delete(session.name);
    sessions.set(session.name, session);
    session.usedAt = clock.now();
    sweepLater();
    return session;
  }

  return {
    of(owner, hash) {
      forgetDone();
      const name = `${owner}\n${hash ?? uuidv7()}`;
      const known = sessions.get(name);
      if (known !== undefined) return use(known);
      makeRoom();
      return use(newSession({ name, owner, isNameless: hash === null }));
    },
    jobEnded(session) {
      if (session.isNameless) forget(session);
      else use(session);
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

function newSession(named: Pick<GradioSession, 'name' | 'owner' | 'isNameless'>): GradioSession {
  return {
    ...named,
    history: [],
    said: 0,
    turn: Promise.resolve(),
    jobs: new Map(),
    unread: [],
    writer: null,
    patience: undefined,
    usedAt: 0,
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
