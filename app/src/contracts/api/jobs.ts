import { z } from 'zod';
import { idSchema } from '../chats.ts';
import { byIdSchema, countParameter, errorBodySchema, flagParameter, route, timeSchema } from './route.ts';

/** Background work as the API shows it. */
export const jobSchema = z.object({
  id: idSchema,
  /** `pull`, `adapter`, `title`, `backup`, … */
  kind: z.string(),
  /** What it was asked to do; of a pull: `reference`. */
  payload: z.record(z.string(), z.unknown()),
  state: z.enum(['waiting', 'working', 'done', 'failed', 'cancelled']),
  /** How often it was begun. */
  attempts: z.int().min(0),
  /** The last thing it said; of a pull: a `PullProgress`. */
  progress: z.record(z.string(), z.unknown()).nullable(),
  error: errorBodySchema.nullable(),
  createdAt: timeSchema,
  finishedAt: timeSchema.nullable(),
});
export type ShownJob = z.infer<typeof jobSchema>;

export const jobRoutes = {
  list: route({
    method: 'GET',
    path: '/api/jobs',
    summary: 'Background work: pulls, titles, backups; newest first',
    tag: 'jobs',
    status: 200,
    query: z.strictObject({
      kind: z.string().max(64).optional(),
      active: flagParameter.optional(),
      limit: countParameter(1, 200).optional(),
    }),
    response: z.object({ jobs: z.array(jobSchema) }),
  }),
  show: route({
    method: 'GET',
    path: '/api/jobs/:id',
    summary: 'One job with its progress',
    tag: 'jobs',
    status: 200,
    params: byIdSchema,
    response: jobSchema,
  }),
  cancel: route({
    method: 'DELETE',
    path: '/api/jobs/:id',
    summary: 'Stop a job; a pull keeps what was verified, so that this is also how it is paused',
    tag: 'jobs',
    status: 200,
    params: byIdSchema,
    response: jobSchema,
  }),
  resume: route({
    method: 'POST',
    path: '/api/jobs/:id/resume',
    summary: 'Do a stopped or failed job again; a pull goes on where it was. The answer is the new job',
    tag: 'jobs',
    status: 202,
    params: byIdSchema,
    response: jobSchema,
  }),
} as const;
