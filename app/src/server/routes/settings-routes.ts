import type { FastifyInstance } from 'fastify';
import { settingsRoutes } from '../../contracts/api/settings.ts';
import { maxTargets } from '../../contracts/chats.ts';
import { maxStopStrings } from '../../contracts/sampling.ts';
import { builtInFormats } from '../../prompts/built-in-formats.ts';
import type { ServerContext } from '../server-context.ts';
import { serveRoute } from '../serve-route.ts';
import { versionOf, withoutUndefined } from './request-values.ts';

/** Names of sampling settings that the engine of a model uses; null: it was not loaded, its service not asked. */
async function supportedSampling(context: ServerContext, model: unknown): Promise<Set<string> | null> {
  if (typeof model !== 'string') return null;
  const names = (await ofService(context, model)) ?? (await ofLoaded(context, model));
  return names && new Set(names.map((name) => `sampling.${name}`));
}

async function ofService({ providers }: ServerContext, model: string): Promise<readonly string[] | null> {
  const name = model.slice(0, Math.max(0, model.indexOf(':')));
  const known = name === '' ? undefined : await providers?.list();
  return known?.find((provider) => provider.name === name)?.capabilities?.sampling ?? null;
}

async function ofLoaded({ engines }: ServerContext, model: string): Promise<readonly string[] | null> {
  if (!engines.loaded().some(({ reference, state }) => reference === model && state === 'loaded'))
    return null;
  const { engine, release } = await engines.use(model);
  release();
  return engine.capabilities.sampling;
}

export function registerSettingsRoutes(app: FastifyInstance, context: ServerContext): void {
  const { chats, streams } = context;
  serveRoute(app, settingsRoutes.presets, async ({ owner }) => ({ presets: await chats.presets(owner) }));
  serveRoute(app, settingsRoutes.savePreset, ({ owner, params, body, headers }) =>
    chats.savePreset(owner, { name: params.name, settings: body.settings, ...versionOf(headers) }),
  );
  serveRoute(app, settingsRoutes.removePreset, async ({ owner, params }) => {
    await chats.deletePreset(owner, params.name);
  });
  serveRoute(app, settingsRoutes.preferences, async ({ owner }) =>
    pageValues(await chats.preferences(owner)),
  );
  serveRoute(app, settingsRoutes.savePreferences, async ({ owner, body, headers }) => {
    const saved = await chats.savePreferences(owner, { ...withoutUndefined(body), ...versionOf(headers) });
    streams.notify(owner, { type: 'preferences-changed' });
    return pageValues(saved);
  });
  serveRoute(app, settingsRoutes.effective, async ({ owner, query }) => {
    const settings = await chats.effectiveSettings(owner, withoutUndefined(query));
    const model = query.model ?? settings.find(({ name }) => name === 'model')?.value;
    const supported = await supportedSampling(context, model);
    return {
      settings: settings.map((setting) => ({
        ...setting,
        supported: setting.name.startsWith('sampling.') ? (supported?.has(setting.name) ?? null) : true,
      })),
      formats: builtInFormats.map(({ name, title }) => ({ name, title })),
      limits: { maxTargets, maxStopStrings },
    };
  });
}

type PageValue = string | number | boolean | null;

/** The store keeps whatever the page once wrote; only plain values are given back. */
function pageValues<Kept extends { page: Record<string, unknown> }>(kept: Kept) {
  const plain = Object.entries(kept.page).filter((entry): entry is [string, PageValue] =>
    ['string', 'number', 'boolean'].includes(typeof entry[1]),
  );
  return { ...kept, page: Object.fromEntries(plain) };
}
