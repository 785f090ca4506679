import { mkdir, stat } from 'node:fs/promises';
import { AppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';
import type { ModelRecord, PullProgress } from '../../contracts/models.ts';
import type { Clock } from '../../lib/clock.ts';
import { type FileSource, openFileSource } from '../../net/file-source.ts';
import type { ConvertAdapter, ConvertResult, WeightShard } from '../convert/convert-types.ts';
import type { Manifest } from '../registry/manifest-files.ts';
import { readRunnableFacts, toRecord } from '../registry/model-facts.ts';
import { pullKey } from '../registry/model-paths.ts';
import { type Registry, removeTree } from '../registry/registry.ts';
import { toStorageError } from '../registry/storage-error.ts';
import { OpenHubRepository } from '../repository/hub-repository.ts';
import type { Converter } from './converter.ts';
import { bringHere, verifyCached, withShard } from './bring-here.ts';
import { type JoinPlace, joinParts, partsJoined } from './join-parts.ts';
import type { KeyedLock } from './keyed-lock.ts';
import { createMeter, type Meter } from './progress.ts';
import type { ConvertPlan, FetchPlan, PlannedAdapter, PullPlan } from './pull-plan.ts';
import { notePull, unfinishedPulls } from './unfinished-pulls.ts';
import { hashShown } from './whole-file.ts';

export interface ExecuteOptions {
  registry: Registry;
  converter: Converter;
  clock: Clock;
  lock: KeyedLock;
  emit: (event: Exclude<PullProgress, { type: 'done' }>) => void;
  signal: AbortSignal;
  /** How often a download is made safe. */
  blockBytes?: number | undefined;
  fingerprint?: string;
}

/** After these nothing of the work can be used again; after all others the next pull goes on from it. */
const hopeless: ReadonlySet<ErrorCode> = new Set([
  'adapter-mismatch',
  'model-unsupported',
  'model-file-invalid',
  'file-invalid',
  'file-unsafe',
  'hash-mismatch',
  'hub-changed',
]);

/**
 * Does what was planned; the model is in the registry when it resolves, and nothing of it is when it rejects. As long as
 * the work folder is in use, its key is busy.
 */
export function executePull(plan: PullPlan, options: ExecuteOptions): Promise<ModelRecord> {
  const key = keyOf(plan);
  return options.lock.run(key, () => execute(plan, key, options));
}

async function execute(plan: PullPlan, key: string, options: ExecuteOptions): Promise<ModelRecord> {
  const { paths } = options.registry;
  const folder = paths.pull(key);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await notePull(paths, key, plan);
    const work = { key, folder, ...options };
    const { file, manifest } =
      plan.kind === 'fetch' ? await fetchFile(plan, work) : await convertWeights(plan, work);
    await options.registry.add(manifest, file);
    await removeTree(folder);
    await removeOlder(plan.id, options);
    return manifest.record;
  } catch (error) {
    const failure = toStorageError(error);
    if (hopeless.has(failure.code)) await removeTree(folder);
    throw options.signal.aborted ? error : failure;
  }
}

/** What was begun of an earlier state of a model has no use when a later one is here. */
async function removeOlder(id: string, { registry, lock }: ExecuteOptions): Promise<void> {
  for (const older of await unfinishedPulls(registry.paths))
    if (older.id === id && !lock.isBusy(older.key))
      await lock.run(older.key, () => removeTree(registry.paths.pull(older.key)));
}

/** The same input has the same key, so that it goes on where it was left. */
export function keyOf(plan: PullPlan): string {
  if (plan.kind === 'fetch')
    return pullKey(['fetch', plan.repository.name, plan.repository.commit, plan.files]);
  return pullKey([
    'convert',
    plan.base.name,
    plan.base.commit,
    plan.weights,
    plan.adapters.map(({ repository, weight, weights }) => [
      repository.name,
      repository.commit,
      weight,
      weights,
    ]),
    plan.quantisation,
  ]);
}

interface Work extends ExecuteOptions {
  key: string;
  folder: string;
}

interface Finished {
  file: string;
  manifest: Manifest;
}

async function fetchFile(plan: FetchPlan, work: Work): Promise<Finished> {
  const { repository, files } = plan;
  const [only, ...others] = await bringFiles(plan, work);
  const path = others.length === 0 ? (only ?? '') : await joinFiles(plan, work);
  const facts = await readRunnableFacts(path, work.signal);
  const known = others.length === 0 ? repository.entry(files[0]?.path ?? '').sha256 : undefined;
  const record = toRecord(facts, {
    id: plan.id,
    sha256: known ?? (await hashShown(path, facts.sizeBytes, work)),
    origin: repository.origin(files.map((file) => file.path)),
    addedAt: work.clock.now(),
    licence: repository.licence,
  });
  return { file: path, manifest: { record, aliases: plan.aliases } };
}

/** The file, or all parts of it that are not joined yet; where each is or was. */
async function bringFiles({ repository, files }: FetchPlan, work: Work): Promise<string[]> {
  const { paths } = work.registry;
  const joined = await partsJoined(joinPlace(paths, work.key));
  const meter = createMeter('download', work.emit);
  meter.total(files.slice(joined).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const brought: string[] = [];
  for (const [number, { path }] of files.entries())
    brought.push(
      number < joined
        ? paths.inPull(work.key, `${number}.file`)
        : await bringHere(repository, path, { ...work, meter, number }),
    );
  return brought;
}

async function joinFiles({ files }: FetchPlan, work: Work): Promise<string> {
  const meter = createMeter('convert', work.emit);
  meter.total(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const parts = files.map((_, number) => work.registry.paths.inPull(work.key, `${number}.file`));
  const names = new Map(parts.map((path, number) => [path, files[number]?.path ?? path]));
  const place = joinPlace(work.registry.paths, work.key);
  await joinParts({
    parts,
    place,
    isConsumed: true,
    onProgress: (part, done, total) => meter.file(names.get(part) ?? part, done, total),
    signal: work.signal,
  });
  return place.path;
}

export function joinPlace(paths: Registry['paths'], key: string): JoinPlace {
  return {
    folder: paths.pull(key),
    path: paths.inPull(key, 'result.gguf'),
    journal: paths.inPull(key, 'result.journal'),
    journalAside: paths.inPull(key, 'result.journal.part'),
  };
}

async function convertWeights(plan: ConvertPlan, work: Work): Promise<Finished> {
  const made = await madeBefore(plan, work);
  if (made !== undefined) return await describe(plan, made, work);
  const opened: FileSource[] = [];
  try {
    const adapters = await bringAdapters(plan.adapters, { ...work, opened });
    await verifyCached(plan.base, plan.weights, work.emit);
    return await describe(plan, await runConverter(plan, adapters, { ...work, opened }), work);
  } finally {
    await closeAll(opened);
  }
}

type Made = Pick<ConvertResult, 'path' | 'sha256'>;

/**
 * The result of a run that ended before it could name it: it has its file name only when it is complete and on the disk.
 * Folders have no commit, so that theirs may be of what was there before.
 */
async function madeBefore({ base, adapters }: ConvertPlan, work: Work): Promise<Made | undefined> {
  const repositories = [base, ...adapters.map(({ repository }) => repository)];
  if (repositories.some(({ commit }) => commit === null)) return undefined;
  const path = work.registry.paths.inPull(work.key, 'result.gguf');
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true ? { path, sha256: await hashShown(path, stats.size, work) } : undefined;
}

async function describe(plan: ConvertPlan, result: Made, work: Work): Promise<Finished> {
  const facts = await readRunnableFacts(result.path, work.signal);
  const record = toRecord(facts, {
    id: plan.id,
    sha256: result.sha256,
    origin: plan.base.origin(plan.weights.map(({ path }) => path)),
    addedAt: work.clock.now(),
    licence: plan.base.licence,
    merged: plan.adapters.map(({ reference, repository, weight }) => ({
      reference,
      commit: repository.commit,
      weight,
      licence: repository.licence,
    })),
  });
  const fingerprint = work.fingerprint === undefined ? {} : { fingerprint: work.fingerprint };
  return { file: result.path, manifest: { record, aliases: plan.aliases, ...fingerprint } };
}

async function runConverter(
  plan: ConvertPlan,
  adapters: ConvertAdapter[],
  work: Bringing,
): Promise<ConvertResult> {
  const { paths } = work.registry;
  const meters = { convert: createMeter('convert', work.emit), verify: createMeter('verify', work.emit) };
  const events = work.converter.convert({
    base: plan.base.content,
    adapters,
    quantisation: plan.quantisation,
    output: paths.inPull(work.key, 'result.gguf'),
    journal: paths.inPull(work.key, 'result.journal'),
    bringHere: (name) => bringWeights(plan, name, work),
    signal: work.signal,
  });
  for await (const event of events) {
    if (event.type === 'done') return event.result;
    if (event.type === 'note') work.emit(event);
    if (event.type !== 'progress') continue;
    const meter = meters[event.phase];
    meter.total(event.totalBytes);
    meter.show({
      file: event.tensor ?? event.file,
      fileDoneBytes: event.fileDoneBytes,
      fileTotalBytes: event.fileTotalBytes,
    });
    meter.done(event.doneBytes);
  }
  throw new AppError('internal', 'The conversion ended without a result.');
}

interface Bringing extends Work {
  /** For the caller to close. */
  opened: FileSource[];
}

/** Adapters are small and are read in another order than they are stored, so they are kept as files. */
async function bringAdapters(adapters: readonly PlannedAdapter[], work: Bringing): Promise<ConvertAdapter[]> {
  const meter = createMeter('download', work.emit);
  meter.total(adapters.reduce((sum, { weights }) => sum + weights.sizeBytes, 0));
  const brought: ConvertAdapter[] = [];
  for (const [number, { repository, weights, weight }] of adapters.entries()) {
    if (!(repository instanceof OpenHubRepository)) {
      brought.push({ files: repository.content, weight });
      continue;
    }
    const shard = await bringShard(repository, weights.path, { ...work, meter, number });
    brought.push({ files: withShard(repository.content, weights.path, shard), weight });
  }
  return brought;
}

/** A file of base weights whose tensors do not lie in order; it goes with the rest of the work folder. */
async function bringWeights(plan: ConvertPlan, path: string, work: Bringing): Promise<WeightShard> {
  const { base, weights, adapters } = plan;
  if (!(base instanceof OpenHubRepository)) return await base.content.shard(path);
  work.emit({
    type: 'note',
    message: `${path} does not lie in order; it is kept on disk until it is converted.`,
  });
  const meter = createMeter('download', work.emit);
  meter.total(base.entry(path).sizeBytes);
  const number = adapters.length + weights.findIndex((file) => file.path === path);
  return await bringShard(base, path, { ...work, meter, number });
}

async function bringShard(
  repository: OpenHubRepository,
  path: string,
  bringing: Bringing & { meter: Meter; number: number },
): Promise<WeightShard> {
  const here = await bringHere(repository, path, bringing);
  const source = await openFileSource(here);
  bringing.opened.push(source);
  return { source, path: here };
}

async function closeAll(sources: readonly FileSource[]): Promise<void> {
  await Promise.all(sources.map((source) => source.close()));
}
