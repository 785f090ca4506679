import type { Chats } from '../chat/chats.ts';
import { AppError } from '../contracts/app-error.ts';
import type { JobKind } from '../jobs/jobs.ts';
import type { Models } from '../models/models.ts';

const hourMs = 60 * 60 * 1000;

function referenceOf(payload: Record<string, unknown>): string {
  const reference = payload['reference'];
  if (typeof reference === 'string') return reference;
  throw new AppError('internal', 'a job was kept without its reference');
}

/** What else was asked for; the route's schema checked it before it was kept. */
function optionsOf(payload: Record<string, unknown>, names: readonly string[]): Record<string, never> {
  return Object.fromEntries(
    names.flatMap((name) => (name in payload ? [[name, payload[name] as never]] : [])),
  );
}

export interface JobKindParts {
  chats: Pick<Chats, 'jobs'>;
  models: Models;
  /** Writes a backup and lets go of old ones. */
  backUp: (signal: AbortSignal) => Promise<void>;
}

/** All background work there is; the jobs runner calls it by name. */
export function createJobKinds({ chats, models, backUp }: JobKindParts): Record<string, JobKind> {
  return {
    pull: {
      concurrency: 3,
      attempts: 5,
      async run({ payload, signal, progress }) {
        const options = { ...optionsOf(payload, ['base', 'force']), signal };
        for await (const step of models.pull(referenceOf(payload), options)) progress({ ...step });
      },
    },
    adapter: {
      concurrency: 2,
      attempts: 5,
      async run({ payload, signal, progress }) {
        const options = { ...optionsOf(payload, ['base']), signal };
        for await (const step of models.adapters.add(referenceOf(payload), options)) progress({ ...step });
      },
    },
    import: {
      concurrency: 1,
      attempts: 1,
      async run({ payload, signal, progress }) {
        const options = { ...optionsOf(payload, ['name', 'quantisation']), signal };
        for await (const step of models.import(referenceOf(payload), options)) progress({ ...step });
      },
    },
    title: { concurrency: 1, attempts: 2, run: ({ payload, signal }) => chats.jobs.title(payload, signal) },
    retention: {
      concurrency: 1,
      attempts: 3,
      everyMs: hourMs,
      async run({ payload, signal }) {
        await chats.jobs.retention(payload, signal);
        await models.collectGarbage(signal);
      },
    },
    backup: { concurrency: 1, attempts: 3, everyMs: 24 * hourMs, run: ({ signal }) => backUp(signal) },
  };
}
