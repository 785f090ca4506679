import { mkdir } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { AdapterRecord, ModelOrigin } from '../../contracts/models.ts';
import type { AdapterAddOptions, AdapterProgress, ModelAdapters } from '../models.ts';
import type { ModelsContext } from '../models-context.ts';
import { findBase, namedBase } from '../pull/adapter-base.ts';
import { bringHere, withShard } from '../pull/bring-here.ts';
import type { ConvertedAdapter } from '../pull/converter.ts';
import { createMeter, reporting } from '../pull/progress.ts';
import { planContext } from '../pull/pull-model.ts';
import { unreachableInstead } from '../pull/unreachable.ts';
import { formatReference, type HubRepository, parseReference } from '../reference.ts';
import type { Manifest } from '../registry/manifest-files.ts';
import { pullKey } from '../registry/model-paths.ts';
import { removeTree } from '../registry/registry.ts';
import { toStorageError } from '../registry/storage-error.ts';
import { openFileSource } from '../../net/file-source.ts';
import { isSameBase } from '../repository/base-models.ts';
import { OpenHubRepository } from '../repository/hub-repository.ts';
import { adapterWeights, hasFile, type Repository, type RepositoryFile } from '../repository/repository.ts';
import { takeGgufLora } from './gguf-lora.ts';

type FindModel = (reference: string, signal: AbortSignal) => Promise<Manifest>;
type Emit = (event: AdapterProgress) => void;

/** Adapters that are kept beside their base, as GGUF LoRAs. */
export function createModelAdapters(context: ModelsContext, findModel: FindModel): ModelAdapters {
  const { registry } = context;
  return {
    async list(base) {
      const all = await registry.adapters();
      return base === undefined ? all : all.filter((adapter) => adapter.base === base);
    },
    add: (reference, options = {}) =>
      reporting<AdapterProgress>(async (emit, signal) => {
        const adapter = await addAdapter(
          { context, findModel, emit, signal, options },
          parseAdapter(reference),
        );
        emit({ type: 'done', adapter });
      }, options.signal),
    async remove(id, base) {
      const kept = (await registry.adapters()).filter((adapter) => adapter.id === id);
      const wanted = base === undefined ? onlyOne(kept, id) : await keptFor(kept, { id, base, findModel });
      return { removed: [id], freedBytes: await registry.forgetAdapter(wanted) };
    },
  };
}

/** The one that is kept for a model, by its id or by any other name that leads to it; the id may be of one long gone. */
async function keptFor(
  kept: readonly AdapterRecord[],
  { id, base, findModel }: { id: string; base: string; findModel: FindModel },
): Promise<AdapterRecord> {
  if (kept.length === 0) throw noAdapter(id);
  const named = kept.find((adapter) => adapter.base === base);
  if (named !== undefined) return named;
  const model = await findModel(base, new AbortController().signal).catch(undefinedIfUnknown);
  const found = kept.find((adapter) => adapter.base === model?.record.id);
  if (found !== undefined) return found;
  throw new AppError('model-unknown', `The adapter ${id} is not kept for ${base}.`, {
    hint: `It is kept for ${kept.map((adapter) => adapter.base).join(', ')}.`,
  });
}

function undefinedIfUnknown(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'model-unknown') return;
  throw error;
}

function noAdapter(id: string): AppError {
  return new AppError('model-unknown', `There is no adapter ${JSON.stringify(id)}.`, {
    hint: '`corral adapter list` shows what is here.',
  });
}

function onlyOne([record, ...others]: readonly AdapterRecord[], id: string): AdapterRecord {
  if (record === undefined) throw noAdapter(id);
  if (others.length === 0) return record;
  const bases = [record, ...others].map(({ base }) => base);
  throw new AppError('conflict', `The adapter ${id} is kept for ${bases.join(', ')}.`, {
    hint: 'Say for which one it is no longer wanted, with --base.',
    details: { bases },
  });
}

interface Adding {
  context: ModelsContext;
  findModel: FindModel;
  emit: Emit;
  signal: AbortSignal;
  options: AdapterAddOptions;
}

async function addAdapter(adding: Adding, named: NamedAdapter): Promise<AdapterRecord> {
  const { context, emit, signal } = adding;
  const opened: Repository[] = [];
  const plan = planContext(context, { emit, signal }, { opened });
  try {
    const repository =
      named.kind === 'hub' ? await plan.openHub(named.repository) : await plan.openFolder(named.path);
    const weights = chooseWeights(repository, named);
    await repository.checkAccess(weights.path);
    const base = await findBaseModel(adding, repository);
    const id = named.kind === 'hub' ? formatReference({ ...named, adapters: [] }) : repository.name;
    const origin = repository.origin([weights.path]);
    const key = pullKey(['adapter', id, repository.commit, base.record.sha256, weights]);
    const making = { id, key, weights, repository, origin, base };
    // Of two with the same name that are added at once, the second finds what the first has kept.
    return await context.lock.run(`adapter ${JSON.stringify([id, base.record.id])}`, async () => {
      await refuseOtherFolder(context, { id, base: base.record.id, origin });
      return context.lock.run(key, () => keepLora(adding, making));
    });
  } finally {
    await Promise.all(opened.map((repository) => repository.close()));
  }
}

/** Trainers call their folders alike: another one of the same name is another adapter, and not a newer state of it. */
async function refuseOtherFolder(
  { registry }: ModelsContext,
  { id, base, origin }: Pick<AdapterRecord, 'id' | 'base' | 'origin'>,
): Promise<void> {
  const here = (await registry.adapters()).find((adapter) => adapter.id === id && adapter.base === base);
  if (here?.origin.kind !== 'import' || origin.kind !== 'import' || here.origin.path === origin.path) return;
  throw new AppError(
    'conflict',
    `There is an adapter called ${id} for ${base} already, of ${here.origin.path}.`,
    {
      hint: `Give the folder another name, or remove the other adapter first: \`corral adapter rm ${id} --base ${base}\`.`,
    },
  );
}

/**
 * The model here that the adapter belongs to: the one of `--base`, or one that was made from the base it names. Of
 * several that were made from copies of that base, the one of the very name is meant.
 */
async function findBaseModel(adding: Adding, repository: Repository): Promise<Manifest> {
  const { context, findModel, signal, options } = adding;
  if (options.base !== undefined) return findModel(options.base, signal);
  const base = await findBase(repository, signal);
  const manifests = await context.registry.manifests();
  const madeFrom = (isMeant: (repository: string) => boolean): Manifest | undefined =>
    manifests.find(
      ({ record: { origin, merged } }) =>
        origin.kind === 'hub' && merged.length === 0 && isMeant(origin.repository),
    );
  const named = await namedBase(repository, signal);
  const found =
    madeFrom((name) => name === named && isSameBase(name, base)) ??
    madeFrom((name) => name === base) ??
    madeFrom((name) => isSameBase(name, base));
  if (found === undefined) {
    throw new AppError(
      'model-unknown',
      `${repository.name} belongs to ${base}, which is not on this machine.`,
      {
        hint: `Get it first with: corral pull ${base} – or name a model that is here with --base.`,
        details: { base },
      },
    );
  }
  return found;
}

interface Making {
  id: string;
  key: string;
  weights: RepositoryFile;
  repository: Repository;
  origin: ModelOrigin;
  base: Manifest;
}

async function keepLora(adding: Adding, making: Making): Promise<AdapterRecord> {
  const { context, signal } = adding;
  const { registry } = context;
  const { id, repository, origin, key } = making;
  const output = registry.paths.inPull(key, 'result.gguf');
  try {
    await mkdir(registry.paths.pull(key), { recursive: true, mode: 0o700 });
    const { sha256, sizeBytes, rank } = isGguf(making.weights)
      ? await takeLora(adding, making, output)
      : await convertToLora(adding, making, output);
    const { licence } = repository;
    const base = making.base.record.id;
    const record = { id, base, sha256, sizeBytes, rank, licence, origin, addedAt: context.clock.now() };
    await registry.addAdapter(record, output);
    return record;
  } catch (error) {
    throw signal.aborted ? error : toStorageError(error);
  } finally {
    if (!signal.aborted) await removeTree(registry.paths.pull(key));
  }
}

async function convertToLora(adding: Adding, making: Making, output: string): Promise<ConvertedAdapter> {
  const { context, signal } = adding;
  const { repository, weights } = making;
  const path = await bringWeights(adding, making);
  const source = await openFileSource(path);
  try {
    const adapter = withShard(repository.content, weights.path, { source, path });
    const basePath = context.registry.paths.blob(making.base.record.sha256);
    return await context.converter.convertAdapter({ adapter, basePath, output, signal });
  } finally {
    await source.close();
  }
}

async function takeLora(adding: Adding, making: Making, output: string): Promise<ConvertedAdapter> {
  const { repository, weights } = making;
  const { source } = await repository.headers.shard(weights.path);
  const meter = createMeter('convert', adding.emit);
  meter.total(weights.sizeBytes);
  return takeGgufLora({
    name: repository.name,
    source,
    bring: () => bringWeights(adding, making),
    basePath: adding.context.registry.paths.blob(making.base.record.sha256),
    output,
    onProgress: (done) => meter.done(done),
    signal: adding.signal,
  });
}

async function bringWeights({ context, emit, signal }: Adding, making: Making): Promise<string> {
  const { repository, weights, key } = making;
  const meter = createMeter('download', emit);
  meter.total(weights.sizeBytes);
  const path =
    repository instanceof OpenHubRepository
      ? await bringHere(repository, weights.path, { ...context, key, signal, meter, number: 0 })
      : (await repository.content.shard(weights.path)).path;
  if (path === undefined) throw notAnAdapter(repository.name);
  return path;
}

type NamedAdapter =
  | { kind: 'hub'; repository: HubRepository; /** A GGUF LoRA of it. */ file?: string }
  | { kind: 'local'; path: string };

function parseAdapter(text: string): NamedAdapter {
  const parsed = parseReference(text);
  const isOne = 'adapters' in parsed && parsed.adapters.length === 0 && parsed.tag === undefined;
  if (isOne && parsed.kind === 'local') return { kind: 'local', path: parsed.path };
  if (isOne && parsed.kind === 'hub') {
    const { repository, file } = parsed;
    return { kind: 'hub', repository, ...(file === undefined ? {} : { file }) };
  }
  throw new AppError('model-reference-invalid', `${JSON.stringify(text)} does not name one adapter.`, {
    hint: 'Write owner/adapter, owner/adapter/file.gguf, or the path of a folder or a .gguf file.',
  });
}

function chooseWeights(repository: Repository, named: NamedAdapter): RepositoryFile {
  const file = named.kind === 'hub' ? named.file : undefined;
  const found =
    file === undefined ? weightsOf(repository) : repository.files.find(({ path }) => path === file);
  if (found !== undefined) return found;
  const why =
    file === undefined
      ? notAnAdapter(repository.name)
      : new AppError('hub-not-found', `${repository.name} has no file ${file}.`);
  throw unreachableInstead(why, [repository]);
}

/** The weights of a PEFT adapter, or the one file of a GGUF LoRA. */
function weightsOf(repository: Repository): RepositoryFile | undefined {
  const [only, ...others] = repository.files.filter(isGguf);
  const peft = hasFile(repository, 'adapter_config.json') ? adapterWeights(repository) : undefined;
  return peft ?? (others.length === 0 ? only : undefined);
}

function isGguf({ path }: RepositoryFile): boolean {
  return path.toLowerCase().endsWith('.gguf');
}

function notAnAdapter(name: string): AppError {
  return new AppError('model-unsupported', `${name} is not an adapter.`, {
    hint: 'An adapter has adapter_config.json and adapter_model.safetensors (or .bin), or is one .gguf file; of several, name one: owner/adapter/file.gguf.',
  });
}
