import { mkdir } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { AdapterRecord, ModelOrigin } from '../../contracts/models.ts';
import type { AdapterAddOptions, AdapterProgress, ModelAdapters } from '../models.ts';
import type { ModelsContext } from '../models-context.ts';
import { findBase } from '../pull/adapter-base.ts';
import { bringHere, withShard } from '../pull/bring-here.ts';
import { createMeter, reporting } from '../pull/progress.ts';
import { planContext } from '../pull/pull-model.ts';
import { type AdapterReference, formatReference, parseReference } from '../reference.ts';
import type { Manifest } from '../registry/manifest-files.ts';
import { pullKey } from '../registry/model-paths.ts';
import { removeTree } from '../registry/registry.ts';
import { toStorageError } from '../registry/storage-error.ts';
import { openFileSource } from '../../net/file-source.ts';
import { isSameBase } from '../repository/base-models.ts';
import { OpenHubRepository } from '../repository/hub-repository.ts';
import { adapterWeights, type Repository, type RepositoryFile } from '../repository/repository.ts';

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
      const kept = (await registry.adapters()).filter(
        (adapter) => adapter.id === id && (base === undefined || adapter.base === base),
      );
      return { removed: [id], freedBytes: await registry.forgetAdapter(onlyOne(kept, id)) };
    },
  };
}

function onlyOne([record, ...others]: readonly AdapterRecord[], id: string): AdapterRecord {
  if (record === undefined) {
    throw new AppError('model-unknown', `There is no adapter ${JSON.stringify(id)}.`, {
      hint: '`corral adapter list` shows what is here.',
    });
  }
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

async function addAdapter(adding: Adding, reference: AdapterReference): Promise<AdapterRecord> {
  const { context, emit, signal, options } = adding;
  const opened: Repository[] = [];
  const plan = planContext(context, { emit, signal }, { opened });
  try {
    const repository =
      reference.kind === 'hub'
        ? await plan.openHub(reference.repository)
        : await plan.openFolder(reference.path);
    const weights = adapterWeights(repository);
    if (weights === undefined) throw notAnAdapter(repository.name);
    await repository.checkAccess(weights.path);
    const base = await findBaseModel(adding, repository);
    const id = reference.kind === 'hub' ? formatReference({ ...reference, adapters: [] }) : repository.name;
    const origin = repository.origin([weights.path]);
    await refuseOtherFolder(context, { id, base: base.record.id, origin });
    const key = pullKey(['adapter', id, repository.commit, base.record.sha256, weights]);
    const made = { id, key, weights, repository, origin, base, checked: options.base !== undefined };
    return await context.lock.run(key, () => convertToLora(adding, made));
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
  throw new AppError('conflict', `There is an adapter called ${id} for ${base} already, of ${here.origin.path}.`, {
    hint: `Give the folder another name, or remove the other adapter first: \`corral adapter rm ${id}\`.`,
  });
}

/** The model here that the adapter belongs to: the named one, or one that was made from the base it names. */
async function findBaseModel(adding: Adding, repository: Repository): Promise<Manifest> {
  const { context, findModel, signal, options } = adding;
  if (options.base !== undefined) return findModel(options.base, signal);
  const base = await findBase(repository, signal);
  const manifests = await context.registry.manifests();
  const found = manifests.find(
    ({ record }) =>
      record.origin.kind === 'hub' && record.merged.length === 0 && isSameBase(record.origin.repository, base),
  );
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

async function convertToLora(adding: Adding, making: Making): Promise<AdapterRecord> {
  const { context, emit, signal } = adding;
  const { registry } = context;
  const { repository, weights, key } = making;
  const output = registry.paths.inPull(key, 'result.gguf');
  try {
    await mkdir(registry.paths.pull(key), { recursive: true, mode: 0o700 });
    const meter = createMeter('download', emit);
    meter.total(weights.sizeBytes);
    const path =
      repository instanceof OpenHubRepository
        ? await bringHere(repository, weights.path, { ...context, key, signal, meter, number: 0 })
        : (await repository.content.shard(weights.path)).path;
    if (path === undefined) throw notAnAdapter(repository.name);
    const source = await openFileSource(path);
    try {
      const adapter = withShard(repository.content, weights.path, { source, path });
      const basePath = registry.paths.blob(making.base.record.sha256);
      const made = await context.converter.convertAdapter({ adapter, basePath, output, signal });
      const record = {
        id: making.id,
        base: making.base.record.id,
        sha256: made.sha256,
        sizeBytes: made.sizeBytes,
        rank: made.rank,
        licence: repository.licence,
        origin: making.origin,
        addedAt: context.clock.now(),
      };
      await registry.addAdapter(record, output);
      return record;
    } finally {
      await source.close();
    }
  } catch (error) {
    throw toStorageError(error);
  } finally {
    if (!signal.aborted) await removeTree(registry.paths.pull(key));
  }
}

function parseAdapter(text: string): AdapterReference {
  const parsed = parseReference(text);
  if (
    parsed.kind === 'hub' &&
    parsed.adapters.length === 0 &&
    parsed.file === undefined &&
    parsed.tag === undefined
  ) {
    return { kind: 'hub', repository: parsed.repository, weight: 1 };
  }
  if (parsed.kind === 'local' && parsed.adapters.length === 0)
    return { kind: 'local', path: parsed.path, weight: 1 };
  throw new AppError('model-reference-invalid', `${JSON.stringify(text)} does not name one adapter.`, {
    hint: 'Write owner/adapter or the path of a folder.',
  });
}

function notAnAdapter(name: string): AppError {
  return new AppError('model-unsupported', `${name} is not a PEFT adapter.`, {
    hint: 'An adapter has adapter_config.json and adapter_model.safetensors (or .bin).',
  });
}
