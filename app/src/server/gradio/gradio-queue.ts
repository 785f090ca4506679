import { randomBytes } from 'node:crypto';
import { AppError } from '../../contracts/app-error.ts';
import { faultOf } from '../request-fault.ts';
import type { ServerContext } from '../server-context.ts';
import { answerInSession } from './gradio-answer.ts';
import type { GradioFunction } from './gradio-api.ts';
import { gradioInput } from './gradio-input.ts';
import { admitJob, type GradioJob, type GradioSession } from './gradio-sessions.ts';

/** One thing a job says, before it is put into the words of `/queue/data` or of `/call`. */
export type JobEvent =
  | { kind: 'queue'; position: number; etaMs: number | null; size: number }
  | { kind: 'start' }
  | { kind: 'text'; text: string }
  | { kind: 'note'; message: string }
  | { kind: 'done'; text: string; seconds: number }
  | { kind: 'failed'; error: AppError; seconds: number };

export interface JobCall {
  owner: string;
  session: GradioSession;
  it: GradioFunction;
  reader: GradioJob['reader'];
  /** Already by name. */
  values: Record<string, unknown>;
  say: (event: JobEvent) => void;
}

export function newEventId(): string {
  return randomBytes(16).toString('hex');
}

function waiting(session: GradioSession): number {
  return [...session.jobs.values()].filter(({ isOver }) => !isOver).length;
}

async function work(context: ServerContext, call: JobCall, signal: AbortSignal): Promise<string> {
  const { it, session, say } = call;
  if (it.name === 'clear') {
    session.history = [];
    session.said = 0;
    return '';
  }
  const input = gradioInput(call.values);
  return answerInSession(context, {
    owner: call.owner,
    session,
    input,
    signal,
    events: {
      onQueue: (position, etaMs) => say({ kind: 'queue', position, etaMs, size: position + 1 }),
      onStart: () => say({ kind: 'start' }),
      onText: (text) => say({ kind: 'text', text }),
      onNote: (message) => say({ kind: 'note', message }),
    },
  });
}

/** Puts a job behind those of its session. Throws for input that is wrong, before anything is queued. */
export function startJob(context: ServerContext, call: JobCall): { id: string; over: Promise<void> } {
  const { session, it, reader, say } = call;
  if (it.hasAnswer) gradioInput(call.values);
  const job: GradioJob = { id: newEventId(), stop: new AbortController(), reader, isOver: false };
  admitJob(session, job);
  const ahead = waiting(session) - 1;
  say({ kind: 'queue', position: ahead, etaMs: null, size: ahead + 1 });
  const run = async (): Promise<void> => {
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    let last = '';
    const remember = (event: JobEvent): void => {
      if (event.kind === 'text') last = event.text;
      say(event);
    };
    try {
      const text = await work(context, { ...call, say: remember }, job.stop.signal);
      job.isOver = true;
      say({ kind: 'done', text, seconds: seconds() });
    } catch (error) {
      job.isOver = true;
      // A stop keeps what was written.
      if (job.stop.signal.aborted) say({ kind: 'done', text: last, seconds: seconds() });
      else say({ kind: 'failed', error: faultOf(error), seconds: seconds() });
    }
  };
  const over = session.turn.then(run).then(() => context.gradio.jobEnded(session));
  session.turn = over;
  return { id: job.id, over };
}

export function findFunction(functions: readonly GradioFunction[], name: string): GradioFunction {
  const found = functions.find((it) => it.name === name);
  if (found) return found;
  throw new AppError('not-found', `there is no function "/${name.slice(0, 100)}"`, {
    hint: `There are: ${functions.map((it) => `/${it.name}`).join(', ')}`,
  });
}
