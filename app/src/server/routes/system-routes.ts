import { cpus } from 'node:os';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { logRoutes } from '../../contracts/api/log.ts';
import { providerRoutes } from '../../contracts/api/providers.ts';
import { systemRoutes, type Load, type SystemInformation } from '../../contracts/api/system.ts';
import { AppError } from '../../contracts/app-error.ts';
import { type SettingName, settingNames, settings } from '../../config/settings.ts';
import { diskAvailableBytes, readMachine } from '../../lib/machine.ts';
import { awaitLongBody } from '../gates/body-deadline.ts';
import type { ServerContext } from '../server-context.ts';
import { questionOf, serveRoute } from '../serve-route.ts';
import { withoutUndefined } from './request-values.ts';

type LockedValue = SystemInformation['locked'][number];

/** What the operator fixed. A secret or an address that may hold one is named without its value. */
function lockedSettings({ config }: ServerContext): LockedValue[] {
  const hidden = new Set<SettingName>(['loggingUrl', 'databaseUrl']);
  return settingNames
    .filter((name) => config.sources[name] !== 'default')
    .map((name) => {
      const value = config[name];
      const shown = typeof value === 'object' ? value.join(', ') : value;
      const isSecret = 'isSecret' in settings[name] || hidden.has(name);
      return { name, value: isSecret ? null : shown, source: config.sources[name] };
    });
}

function features({ config }: ServerContext): SystemInformation['features'] {
  const logs = config.loggingUrl !== '' && config.loggingMode !== 'off';
  return {
    feedback: config.feedback,
    logging: logs ? config.loggingMode : 'off',
    loggingHost: logs ? new URL(config.loggingUrl).host : null,
    accessKey: config.accessKey !== '',
    hubToken: config.hubToken !== '',
  };
}

function machine({ config }: ServerContext): SystemInformation['machine'] {
  const { cores, memoryBytes, availableBytes } = readMachine();
  return {
    platform: process.platform,
    architecture: process.arch,
    processor: cpus()[0]?.model ?? 'unknown',
    cores,
    memoryBytes,
    availableMemoryBytes: availableBytes,
    freeDiskBytes: diskAvailableBytes(config.home),
    gpus: [],
  };
}

async function system(context: ServerContext): Promise<SystemInformation> {
  const { config, version, bootId, pageVersion, store, engines } = context;
  const health = await store.health();
  return {
    title: config.title,
    description: config.description,
    version,
    bootId,
    pageVersion,
    versions: {
      node: process.versions.node,
      engine: engines.loaded().find(({ description }) => description)?.description?.engineRelease ?? null,
      store: `${health.kind}, schema ${health.schemaVersion}`,
    },
    locked: lockedSettings(context),
    notices: health.notices,
    writable: health.writable,
    features: features(context),
    machine: machine(context),
    defaultModel: config.model,
    home: config.home,
  };
}

/** Of those who use a model as many are answered as it has slots. */
function load({ config, engines }: ServerContext): Load {
  const { memoryBytes, availableBytes } = readMachine();
  return {
    memoryBytes,
    availableMemoryBytes: availableBytes,
    models: engines.loaded().map(({ reference, kind, state, users, description }) => {
      const answering = kind === 'remote' ? users : Math.min(users, config.slots);
      const memory = description?.memory ?? null;
      return { model: reference, state, memory, answering, waiting: users - answering };
    }),
  };
}

function sessionRoutes(app: FastifyInstance, context: ServerContext): void {
  const { access, sessionAnswers } = context;
  serveRoute(app, systemRoutes.session, ({ request }) => {
    const { principal } = request;
    if (principal === null) throw new AppError('key-required', 'nobody is signed in');
    const { owner, by } = principal;
    return { owner, by };
  });
  app.post('/api/session', {
    schema: { summary: systemRoutes.signIn.summary, tags: ['system'], body: systemRoutes.signIn.body },
    config: { access: 'public' },
    handler: async (request, reply) => {
      const { key } = request.body as { key: string };
      const cookie = access.signIn(key, questionOf(request));
      return reply.code(204).header('set-cookie', cookie).send();
    },
  });
  serveRoute(app, systemRoutes.signOut, async ({ request, reply }) => {
    void reply.header('set-cookie', await access.signOut(request.raw.headers));
    const session = request.principal?.session;
    if (session) sessionAnswers.end(session, reply.raw);
  });
}

function logRoutesOf(app: FastifyInstance, { outbox, streams }: ServerContext): void {
  serveRoute(app, logRoutes.status, () => outbox.status());
  serveRoute(app, logRoutes.dead, async ({ query }) => {
    const page = await outbox.dead(withoutUndefined({ limit: query.limit ?? 50, cursor: query.cursor }));
    const events = page.items.map(({ id, conversationId, createdAt, attempts, lastError, body }) => {
      return { id, conversationId, createdAt, attempts, lastError, sizeBytes: Buffer.byteLength(body) };
    });
    return { events, cursor: page.cursor };
  });
  serveRoute(app, logRoutes.replay, async ({ owner, body }) => {
    const replayed = await outbox.replay(body.ids);
    streams.notify(owner, { type: 'log-changed' });
    return { replayed };
  });
}

const noProviders = (): never => {
  throw new AppError('unsupported-field', 'providers are set in the environment of this server', {
    hint: 'Set CORRAL_PROVIDER_<NAME>_URL, _KEY and _KIND in .env and start it again.',
  });
};

function providerRoutesOf(app: FastifyInstance, { providers, streams }: ServerContext): void {
  serveRoute(app, providerRoutes.list, async () => ({ providers: (await providers?.list()) ?? [] }));
  serveRoute(app, providerRoutes.check, ({ params }) => providers?.check(params.name) ?? noProviders());
  serveRoute(app, providerRoutes.save, async ({ owner, params, body }) => {
    const saved = await (providers?.save?.(owner, params.name, withoutUndefined(body)) ?? noProviders());
    streams.notify(owner, { type: 'models-changed' });
    return saved;
  });
  serveRoute(app, providerRoutes.remove, async ({ owner, params }) => {
    await (providers?.remove?.(owner, params.name) ?? noProviders());
    streams.notify(owner, { type: 'models-changed' });
  });
}

const noBackups = (): never => {
  throw new AppError('unsupported-field', 'this database is not backed up from here', {
    hint: 'Use the tools of the database server, such as pg_dump.',
  });
};

/** Every tab hears of it: what it shows is of before. */
async function restore(
  { backups, chats, streams }: ServerContext,
  backup: string | Readable,
): Promise<{ previous: string }> {
  const restored = (await backups?.restore(backup)) ?? noBackups();
  await chats.restored().finally(() => streams.notifyAll({ type: 'restored' }));
  return restored;
}

/** Without a body no parser of it is asked. */
const fileOf = (body: unknown): Readable => (body instanceof Readable ? body : Readable.from([]));

/** The body is a file of any size, which is read as it comes. */
function backupFileRoutes(app: FastifyInstance, context: ServerContext): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/octet-stream', ({ raw }, file, done) => {
      awaitLongBody(raw);
      done(null, file);
    });
    serveRoute(
      scope,
      systemRoutes.fileContents,
      ({ body }) => context.backups?.contents(fileOf(body)) ?? noBackups(),
    );
    serveRoute(scope, systemRoutes.restoreFile, ({ body }) => restore(context, fileOf(body)));
  });
}

export function registerSystemRoutes(app: FastifyInstance, context: ServerContext): void {
  const { backups } = context;
  serveRoute(app, systemRoutes.show, () => system(context));
  serveRoute(app, systemRoutes.load, () => load(context));
  sessionRoutes(app, context);
  serveRoute(app, systemRoutes.backups, async () => ({ backups: (await backups?.list()) ?? [] }));
  serveRoute(app, systemRoutes.backup, ({ query }) => backups?.create(query) ?? noBackups());
  serveRoute(app, systemRoutes.backupContents, ({ params }) => backups?.contents(params.name) ?? noBackups());
  serveRoute(app, systemRoutes.restoreBackup, ({ params }) => restore(context, params.name));
  backupFileRoutes(app, context);
  logRoutesOf(app, context);
  providerRoutesOf(app, context);
}
