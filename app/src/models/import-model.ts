import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../contracts/app-error.ts';
import type { ModelRecord } from '../contracts/models.ts';
import { copyDurably } from '../lib/durable-files.ts';
import { diskAvailableBytes } from '../lib/machine.ts';
import type { ImportOptions, PullOptions } from './models.ts';
import type { ModelsContext } from './models-context.ts';
import { openFileSource } from '../net/file-source.ts';
import { absolutePath } from './absolute-path.ts';
import { refuseWithoutRoom } from './preflight/disk-room.ts';
import { executePull, joinPlace, keyOf } from './pull/execute-pull.ts';
import { partNumbers, partsOf } from './pull/gguf-choice.ts';
import { joinParts, type JoinPlace } from './pull/join-parts.ts';
import { createMeter } from './pull/progress.ts';
import { planContext, type PullWork } from './pull/pull-model.ts';
import { type ConvertPlan, planConversion } from './pull/pull-plan.ts';
import { unreachableInstead } from './pull/unreachable.ts';
import {
  type AdapterReference,
  formatReference,
  type ModelReference,
  parseReference,
  pathReference,
  refuseChangesToFile,
} from './reference.ts';
import { hashFile } from './registry/file-bytes.ts';
import type { Manifest } from './registry/manifest-files.ts';
import {
  checkRunnable,
  type ModelFacts,
  readRemoteFacts,
  readRunnableFacts,
  toRecord,
} from './registry/model-facts.ts';
import { pullKey } from './registry/model-paths.ts';
import { allocatedBytes, removeTree } from './registry/registry.ts';
import { toStorageError } from './registry/storage-error.ts';
import { openFolderRepository } from './repository/folder-repository.ts';
import { OpenHubRepository } from './repository/hub-repository.ts';
import { type Repository, weightFiles } from './repository/repository.ts';

type LocalReference = Extract<ModelReference, { kind: 'local' }>;
type ImportWork = PullWork & { options: Pick<ImportOptions, 'name'> & Pick<PullOptions, 'base'> };

/** Takes a GGUF file or a Hugging Face folder of this machine into the registry. */
export async function importModel(
  context: ModelsContext,
  reference: LocalReference,
  work: ImportWork,
): Promise<ModelRecord> {
  const path = absolutePath(reference.path);
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw new AppError('not-found', `There is nothing at ${path}.`);
  if (!stats.isDirectory()) refuseChangesToFile(formatReference(reference), reference);
  return context.lock.run(path, () =>
    stats.isDirectory()
      ? importFolder(context, { ...reference, path }, work)
      : importFile(context, path, work),
  );
}

/** A reference for what `import` is given: any existing path is one, however it is spelt. */
export function localReference(path: string, quantisation?: string): LocalReference {
  const parsed = parseReference(pathReference(path));
  if (parsed.kind !== 'local') throw new AppError('model-reference-invalid', `${path} is not a path.`);
  return quantisation === undefined ? parsed : { ...parsed, tag: quantisation };
}

async function importFile(context: ModelsContext, path: string, work: ImportWork): Promise<ModelRecord> {
  const { registry } = context;
  // Before anything is copied: most wrong files are found in their first bytes.
  const parts = await localParts(path);
  const { sizeBytes } = await readPresentFacts(parts, work.signal);
  const id = await freeName(context, work.options.name ?? plainName(path), { path, adapters: [] });
  const key = pullKey(['import', path, sizeBytes]);
  const folder = registry.paths.pull(key);
  try {
    // What a kill left of an earlier try is of no use, and takes room.
    await removeTree(folder);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const checkRoom = (): void =>
      refuseWithoutRoom(id, { needBytes: sizeBytes, freeBytes: diskAvailableBytes(folder) });
    const target = await copyOf(parts, joinPlace(registry.paths, key), { ...work, sizeBytes, checkRoom });
    const meter = createMeter('verify', work.emit);
    meter.total(sizeBytes);
    const sha256 = await hashFile(target, {
      onProgress: (done) => meter.file(basename(path), done, sizeBytes),
      signal: work.signal,
    });
    // What was checked is what is kept: the copy is read again, the original may have changed in between.
    const facts = await readRunnableFacts(target, work.signal);
    const origin = { kind: 'import', path } as const;
    const record = toRecord(facts, { id, sha256, origin, addedAt: context.clock.now() });
    await registry.add({ record, aliases: [path] }, target);
    return record;
  } catch (error) {
    throw work.signal.aborted ? error : toStorageError(error);
  } finally {
    await removeTree(folder);
  }
}

/** The parts that lie beside a file by llama.cpp's names, or the file alone. */
async function localParts(path: string): Promise<string[]> {
  const folder = dirname(path);
  const names = partNumbers(path) === undefined ? [basename(path)] : await readdir(folder);
  const files = names.map((name) => ({ path: name, sizeBytes: 0 }));
  const parts = partsOf(folder, files, { path: basename(path), sizeBytes: 0 });
  return parts.map((part) => join(folder, part.path));
}

function plainName(path: string): string {
  return basename(path).replace(/(?:-\d{5}-of-\d{5})?\.gguf$/i, '');
}

async function copyOf(
  parts: readonly string[],
  place: JoinPlace,
  { emit, signal, sizeBytes, checkRoom }: PullWork & { sizeBytes: number; checkRoom: () => void },
): Promise<string> {
  const meter = createMeter('convert', emit);
  meter.total(sizeBytes);
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) {
    const onProgress = (done: number): void => meter.file(basename(only), done, sizeBytes);
    await copyDurably(only, place.path, { onProgress, signal, checkRoom });
  } else {
    checkRoom();
    await joinParts({
      parts,
      place,
      isConsumed: false,
      onProgress: (part, done, total) => meter.file(basename(part), done, total),
      signal,
    });
  }
  return place.path;
}

async function readPresentFacts(parts: readonly string[], signal: AbortSignal): Promise<ModelFacts> {
  const sources = await Promise.all(parts.map((part) => openFileSource(part)));
  try {
    return checkRunnable(await readRemoteFacts(sources, signal));
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

async function importFolder(
  context: ModelsContext,
  reference: LocalReference,
  work: ImportWork,
): Promise<ModelRecord> {
  const opened: Repository[] = [];
  try {
    const repository = await openFolderRepository(reference.path);
    opened.push(repository);
    const weights = await weightFiles(repository, work.signal);
    if (weights.length === 0) {
      throw new AppError('model-unsupported', `${reference.path} holds no weights that can be used.`, {
        hint: 'A Hugging Face folder has config.json and *.safetensors or pytorch_model*.bin; a .gguf file is named itself.',
      });
    }
    const plan = await planConversion(
      reference,
      { repository, weights },
      planContext(context, work, { opened, base: work.options.base }),
    ).catch((error: unknown) => {
      throw unreachableInstead(error, opened);
    });
    const { path, adapters } = reference;
    const wanted = work.options.name ?? folderName(reference);
    const name = await freeName(context, wanted, { path, adapters });
    const id = `${name}:${plan.quantisation}`;
    const aliases = [formatReference({ ...reference, tag: plan.quantisation })];
    const named = { ...plan, id, aliases };
    await checkRoomFor(context, named, work.signal);
    return await executePull(named, { ...context, ...work });
  } finally {
    await Promise.all(opened.map((repository) => repository.close()));
  }
}

/** Of what it is made from, only the Hub's adapters are kept beside the result: the rest is read where it lies. */
async function checkRoomFor(context: ModelsContext, plan: ConvertPlan, signal: AbortSignal): Promise<void> {
  const { base, quantisation } = plan;
  const { paths } = context.registry;
  const { outputBytes } = await context.converter.plan({
    base: base.headers,
    adapters: [],
    quantisation,
    signal,
  });
  const adapterBytes = plan.adapters
    .filter(({ repository }) => repository instanceof OpenHubRepository)
    .reduce((sum, { weights }) => sum + weights.sizeBytes, 0);
  const heldBytes = await allocatedBytes(paths.pull(keyOf(plan)));
  await mkdir(paths.root, { recursive: true, mode: 0o700 });
  refuseWithoutRoom(plan.id, {
    needBytes: Math.max(0, outputBytes + adapterBytes - heldBytes),
    freeBytes: diskAvailableBytes(paths.root),
  });
}

/** A folder and what is merged into it; the same adapter in another strength is another model. */
function folderName({ path, adapters }: LocalReference): string {
  return [basename(path), ...adapters.map(adapterName)].join('-');
}

function adapterName(adapter: AdapterReference): string {
  const strength = adapter.weight === 1 ? [] : [adapter.weight];
  if (adapter.kind === 'local') return [basename(adapter.path), ...strength].join('-');
  const { id, revision } = adapter.repository;
  return [basename(id), ...(revision === undefined ? [] : [revision]), ...strength].join('-');
}

type MadeFrom = Pick<LocalReference, 'path' | 'adapters'>;

/** A name for the list; one that belongs to another model, or to a service, is refused. */
async function freeName(context: ModelsContext, wanted: string, from: MadeFrom): Promise<string> {
  const name =
    wanted
      .replace(/[^\w.-]+/g, '-')
      .replace(/^[.-]+/, '')
      .slice(0, 96) || 'model';
  const namesakes = (await context.registry.manifests()).filter((manifest) => isNamed(manifest, name));
  const own = namesakes.filter((manifest) => isMadeFrom(manifest, name, from));
  if (name === 'cria' || own.length < namesakes.length) {
    throw new AppError('conflict', `There is a model called ${name} already.`, {
      hint: 'Choose another name with --name, or remove the other model first.',
    });
  }
  // What was here before the service is made anew under the name that it has.
  if (own.length === 0 && context.providers().includes(name)) {
    throw new AppError('conflict', `${name} is the name of a service: ${name}:MODEL is answered by it.`, {
      hint: 'Choose another name with --name.',
    });
  }
  return name;
}

function isNamed({ record: { id } }: Manifest, name: string): boolean {
  return id === name || id.startsWith(`${name}:`);
}

/** By the reference that it was imported by: what is recorded of an adapter says nothing of its revision. */
function isMadeFrom({ record, aliases }: Manifest, name: string, from: MadeFrom): boolean {
  const quantisation = record.id.slice(name.length);
  const reference = formatReference({ kind: 'local', ...from }) + quantisation;
  return record.origin.kind === 'import' && aliases.includes(reference);
}
