import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { jobRoutes, type ShownJob } from '../../contracts/api/jobs.ts';
import { modelRoutes } from '../../contracts/api/models.ts';
import { AppError } from '../../contracts/app-error.ts';
import { diskAvailableBytes } from '../../lib/machine.ts';
import { namesPath } from '../../models/reference.ts';
import type { Job } from '../../store/job-store.ts';
import { judgedCatalogue, listModels, modelOfNewChat, showModel } from '../model-views.ts';
import type { ServerContext } from '../server-context.ts';
import { serveRoute } from '../serve-route.ts';
import { withoutUndefined } from './request-values.ts';

export function shownJob(job: Job): ShownJob {
  const { id, kind, payload, state, attempts, progress, error, createdAt, finishedAt } = job;
  return { id, kind, payload, state, attempts, progress, error, createdAt, finishedAt };
}

function readingRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models, config } = context;
  serveRoute(app, modelRoutes.list, async ({ owner, query }) => ({
    models: await listModels(context, query.provider),
    defaultModel: await modelOfNewChat(context, owner),
  }));
  serveRoute(app, modelRoutes.show, ({ params }) => showModel(context, params.model));
  serveRoute(app, modelRoutes.catalogue, async () => ({ entries: await judgedCatalogue(context) }));
  serveRoute(app, modelRoutes.preflight, ({ body: { reference, ...options }, request, signal }) => {
    if (namesPath(reference)) refusePathFromAfar(request);
    return models.check(reference, withoutUndefined({ ...options, signal }));
  });
  serveRoute(app, modelRoutes.adapters, async () => ({ adapters: await models.adapters.list() }));
  serveRoute(app, modelRoutes.disk, async () => {
    const [records, adapters] = await Promise.all([models.list(), models.adapters.list()]);
    const usedBytes = [...records, ...adapters].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { usedBytes, freeBytes: diskAvailableBytes(config.home) };
  });
}

function changingRoutes(app: FastifyInstance, context: ServerContext): void {
  const { models, engines, streams, log, mask } = context;
  serveRoute(app, modelRoutes.load, async ({ owner, params }) => {
    // Answers at once for a model that does not exist; how far it is comes over the tab's stream.
    await models.resolve(params.model);
    const isLoaded = engines
      .loaded()
      .some(({ reference, state }) => reference === params.model && state === 'loaded');
    if (isLoaded) return { model: params.model, state: 'loaded' as const };
    engines
      .use(params.model)
      .then(({ release }) => release())
      .catch((error: unknown) => log.warn({ error: mask(String(error)) }, 'a model could not be loaded'))
      .finally(() => streams.notify(owner, { type: 'models-changed' }));
    return { model: params.model, state: 'loading' as const };
  });
  serveRoute(app, modelRoutes.unload, async ({ owner, params }) => {
    await engines.unload(params.model);
    streams.notify(owner, { type: 'models-changed' });
  });
  serveRoute(app, modelRoutes.remove, async ({ owner, params }) => {
    // Its engine leaves by itself when nobody uses it any more: what is being answered is answered to its end.
    const removed = await models.remove(params.model);
    streams.notify(owner, { type: 'models-changed' });
    return removed;
  });
  serveRoute(app, modelRoutes.removeAdapter, async ({ owner, params, query }) => {
    const removed = await models.adapters.remove(params.model, query.base);
    streams.notify(owner, { type: 'models-changed' });
    return removed;
  });
}

/** Paths are for whoever sits at this machine: nobody else learns what lies on its disks. */
function refusePathFromAfar({ principal }: FastifyRequest): void {
  if (principal?.by === 'local-token' || principal?.by === 'loopback') return;
  throw new AppError('bad-request', 'Paths can be named on the machine itself only.', {
    hint: 'Use `corral import PATH` there, or name a repository of the Hub.',
  });
}

/** Work is the same where all that was asked for is: another base, name or quantisation makes something else. */
function keyOf(kind: string, payload: Record<string, unknown>): string {
  const asked = Object.entries(payload).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `${kind}:${createHash('sha256').update(JSON.stringify(asked)).digest('hex')}`;
}

function pullingRoutes(app: FastifyInstance, { jobs }: ServerContext): void {
  const add = async (owner: string, kind: string, payload: Record<string, unknown>) =>
    shownJob(await jobs.add(owner, { kind, payload, key: keyOf(kind, payload) }));
  serveRoute(app, modelRoutes.pull, ({ owner, body, request }) => {
    if (namesPath(body.reference)) refusePathFromAfar(request);
    return add(owner, 'pull', withoutUndefined(body));
  });
  serveRoute(app, modelRoutes.import, ({ owner, body: { path, ...rest }, request }) => {
    refusePathFromAfar(request);
    return add(owner, 'import', withoutUndefined({ ...rest, reference: path }));
  });
  serveRoute(app, modelRoutes.addAdapter, ({ owner, body, request }) => {
    if (namesPath(body.reference)) refusePathFromAfar(request);
    return add(owner, 'adapter', withoutUndefined(body));
  });
  serveRoute(app, jobRoutes.list, async ({ owner, query }) => {
    const { limit = 50, ...rest } = query;
    return { jobs: (await jobs.list(owner, withoutUndefined({ ...rest, limit }))).map(shownJob) };
  });
  serveRoute(app, jobRoutes.show, async ({ owner, params }) => shownJob(await jobs.get(owner, params.id)));
  serveRoute(app, jobRoutes.cancel, async ({ owner, params }) =>
    shownJob(await jobs.cancel(owner, params.id)),
  );
  serveRoute(app, jobRoutes.resume, async ({ owner, params }) => {
    const { kind, payload, state } = await jobs.get(owner, params.id);
    if (state === 'waiting' || state === 'working') {
      throw new AppError('conflict', 'this job is at work already');
    }
    return add(owner, kind, payload);
  });
}

export function registerModelRoutes(app: FastifyInstance, context: ServerContext): void {
  readingRoutes(app, context);
  changingRoutes(app, context);
  pullingRoutes(app, context);
}
