import type { JudgedEntry, ListedModel, ShownModel } from '../contracts/api/models.ts';
import { AppError, toAppError } from '../contracts/app-error.ts';
import type { AdapterRecord, ModelRecord } from '../contracts/models.ts';
import type { Engine } from '../engine/engine.ts';
import { readMachine } from '../lib/machine.ts';
import { isPlaceholder } from './completions.ts';
import type { ServerContext } from './server-context.ts';

type Parts = Pick<ServerContext, 'models' | 'engines' | 'providers'>;

type InMemory = Pick<ListedModel, 'state' | 'loadProgress' | 'templateFaults'>;

function stateOf({ engines }: Parts, id: string): InMemory {
  const known = engines.loaded().find((known) => known.reference === id);
  // That a template is new to this release says nothing of its use.
  const faults =
    known?.description?.template.findings.filter(({ code }) => code !== 'unknown-template') ?? [];
  return {
    state: known?.state ?? 'unloaded',
    loadProgress: known?.progress ?? null,
    templateFaults: faults.map(({ message }) => message),
  };
}

function local(parts: Parts, record: ModelRecord, adapters: readonly AdapterRecord[]): ListedModel {
  return {
    id: record.id,
    kind: 'local',
    provider: null,
    bundled: record.origin.kind === 'bundled',
    ...stateOf(parts, record.id),
    record,
    adapters: adapters.filter(({ base }) => base === record.id).map(({ id }) => id),
  };
}

function remote(parts: Parts, id: string, provider: string): ListedModel {
  return { id, kind: 'remote', provider, bundled: false, ...stateOf(parts, id), record: null, adapters: [] };
}

/** How long a context a model has that is not in memory; 0: its file does not tell what it was trained for. */
export function contextOf(
  record: ModelRecord | undefined | null,
  { contextTokens }: Pick<ServerContext['config'], 'contextTokens'>,
): number {
  return Math.min(record?.trainedContextTokens || contextTokens, contextTokens);
}

/** What can be chosen now. A provider that does not answer leaves its models out; its own state says why. */
export async function listModels(parts: Parts, provider?: string): Promise<ListedModel[]> {
  const [records, adapters, elsewhere] = await Promise.all([
    provider === undefined ? parts.models.list() : [],
    parts.models.adapters.list(),
    parts.providers?.models(provider) ?? [],
  ]);
  return [
    ...records.map((record) => local(parts, record, adapters)),
    ...elsewhere.map((model) => remote(parts, model.id, model.provider)),
  ];
}

function describeLoaded(engine: Engine): ShownModel['loaded'] {
  const { contextTokens, engineRelease, device, template, memory } = engine.describe();
  const { sampling, exactCounts, continueAnswer } = engine.capabilities;
  return {
    contextTokens,
    engineRelease,
    device,
    template,
    memory,
    supportedSampling: [...sampling],
    exactCounts,
    continueAnswer,
  };
}

async function loadedEngine({ engines }: Parts, id: string): Promise<ShownModel['loaded']> {
  if (!engines.loaded().some((known) => known.reference === id && known.state === 'loaded')) return null;
  const { engine, release } = await engines.use(id);
  try {
    return describeLoaded(engine);
  } finally {
    release();
  }
}

export async function showModel(parts: Parts, id: string): Promise<ShownModel> {
  const source = await parts.models.resolve(id).catch(() => null);
  if (source?.kind === 'remote') return showRemote(parts, id, source.provider);
  const loaded = await loadedEngine(parts, id);
  const error = parts.engines.lastError(id)?.toJSON() ?? null;
  const listed = (await listModels(parts)).find((model) => model.id === id);
  const details = await parts.models.show(id);
  const base = listed ?? local(parts, details, details.adapters);
  return { ...base, details, loaded, error };
}

/** Asking a service takes no memory here, so what it can do is told before anybody uses it. */
async function showRemote(parts: Parts, id: string, provider: string): Promise<ShownModel> {
  const shown = { ...remote(parts, id, provider), details: null };
  try {
    const { engine, release } = await parts.engines.use(id);
    release();
    return { ...shown, loaded: describeLoaded(engine), error: null };
  } catch (error) {
    return { ...shown, loaded: null, error: toAppError(error).toJSON() };
  }
}

/** Beside the weights: KV of 8192 tokens and buffers, as a share of them; the pre-flight computes it exactly. */
const besideWeights = 1.2;
const tightShare = 0.85;
/** Bytes of weights that an ordinary two-channel memory moves in a second; a guess that the pre-flight replaces. */
const usualBandwidth = 20e9;

/** The catalogue, judged by size for this machine; `POST /api/preflight` is exact. */
export async function judgedCatalogue({ models }: Parts): Promise<JudgedEntry[]> {
  const { availableBytes } = readMachine();
  const ids = (await models.list()).map(({ id }) => id);
  return models.catalogue().map((entry) => {
    const needed = entry.sizeBytes * besideWeights;
    const fit =
      needed > availableBytes ? 'will-not-fit' : needed > availableBytes * tightShare ? 'tight' : 'fits';
    return {
      ...entry,
      fit,
      expectedTokensPerSecond: usualBandwidth / entry.sizeBytes,
      // An id ends with the quantisation that was chosen.
      here: ids.some((id) => id === entry.id || id.startsWith(`${entry.id}:`)),
    };
  });
}

/** The id of a model as it stands in the list: its name may leave the quantisation out. What is not here stays as it is written. */
export async function listedId({ models }: Pick<Parts, 'models'>, name: string): Promise<string> {
  const listed = await models.list();
  // Resolving converts the bundled model, which a look at a list must not wait for.
  if (listed.some(({ id }) => id === name)) return name;
  const source = await models.resolve(name).catch(() => null);
  return source?.id ?? name;
}

/** The id of the model that a new chat of this person asks. */
export async function modelOfNewChat(context: ServerContext, owner: string): Promise<string> {
  const settings = await context.chats.effectiveSettings(owner, {});
  const chosen = settings.find(({ name }) => name === 'model')?.value;
  return listedId(context, typeof chosen === 'string' ? chosen : context.config.model);
}

/**
 * The id of the model that a compatibility client asks for; undefined where it names none. Unknown names are refused with
 * those there are.
 */
export async function askedModel(parts: Parts, name: string | null | undefined): Promise<string | undefined> {
  if (typeof name !== 'string' || isPlaceholder(name)) return undefined;
  try {
    return (await parts.models.resolve(name)).id;
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    const ids = (await listModels(parts)).map(({ id }) => id);
    throw new AppError('model-unknown', `there is no model "${name.slice(0, 200)}" here`, {
      hint: `There are: ${ids.join(', ').slice(0, 2000)}`,
      details: { field: 'model' },
      cause: error,
    });
  }
}
