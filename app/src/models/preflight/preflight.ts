import { AppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';
import type { ModelRecord, Preflight } from '../../contracts/models.ts';
import { diskAvailableBytes, readMachine } from '../../lib/machine.ts';
import { fitOf, memoryUse, type ModelShape } from '../../lib/memory-fit.ts';
import type { ConversionSummary, RepositoryFiles } from '../convert/convert-types.ts';
import type { Converter } from '../pull/converter.ts';
import type { ConvertPlan, FetchPlan, PullPlan } from '../pull/pull-plan.ts';
import { checkRunnable, type ModelFacts, readRemoteFacts } from '../registry/model-facts.ts';
import { readJson, type Repository, type RepositoryFile } from '../repository/repository.ts';
import { expectedTokensPerSecond } from './memory-bandwidth.ts';

export interface PreflightOptions {
  converter: Converter;
  /** Where the result will be. */
  folder: string;
  /** Room that is left to everything else. */
  reserveBytes: number;
  contextTokens: number;
  /** The result is here already; over a doubted one the engine crashed, or found it damaged: a pull looks at it first. */
  here: 'sound' | 'doubted' | null;
  /** Of the disk, what an earlier try of the same pull has taken: all of it is gone on from or freed. */
  heldBytes: number;
  signal: AbortSignal;
}

interface Outcome {
  architecture: string;
  quantisation: string;
  resultBytes: number;
  /** Bytes that have to be kept beside the result while it is made, adapters not counted. */
  keptBytes: number;
  trainedContextTokens: number;
  shape: ModelShape;
  notes: string[];
}

/** Everything that can be known before a byte of weights is fetched; gates and unsupported models reject here. */
export async function preflight(plan: PullPlan, options: PreflightOptions): Promise<Preflight> {
  const wanted = wantedFiles(plan);
  const repositories = [...new Set(wanted.map(({ repository }) => repository))];
  for (const repository of repositories) {
    const first = wanted.find((file) => file.repository === repository);
    if (first !== undefined) await repository.checkAccess(first.path);
  }
  const outcome =
    plan.kind === 'fetch' ? await examineFile(plan, options) : await examineWeights(plan, options);
  const small = repositories.flatMap((repository) =>
    repository.smallFiles().map((file) => ({ repository, ...file })),
  );
  const files = await listFiles([...wanted, ...small]);
  const disk = judgeDisk(plan, outcome, options);
  const memory = judgeMemory(outcome, options);
  const notes = [
    ...(options.here === 'doubted' ? [doubtedNote('hub')] : []),
    ...licenceNotes(repositories),
    ...outcome.notes,
    ...fitNotes(disk.fit, memory.fit),
  ];
  const first = repositories[0] as Repository;
  return {
    id: plan.id,
    action: options.here === 'sound' ? 'ready' : plan.kind,
    commit: first.commit,
    architecture: outcome.architecture,
    quantisation: outcome.quantisation,
    licence: first.licence,
    gated: repositories.some(({ isGated }) => isGated),
    files,
    downloadBytes:
      options.here === null
        ? files.reduce((sum, { cached, sizeBytes }) => sum + (cached ? 0 : sizeBytes), 0)
        : 0,
    resultBytes: outcome.resultBytes,
    disk,
    memory,
    tokensPerSecond: await expectedTokensPerSecond(outcome.shape.weightsBytes),
    verdict: worse(disk.fit, memory.fit),
    notes,
  };
}

function doubtedNote(origin: ModelRecord['origin']['kind']): string {
  const ifDamaged =
    origin === 'import'
      ? 'it has to be imported again if it is damaged'
      : 'it is got anew only if it is damaged';
  return `The engine crashed over the file that is here, or found it damaged: a pull reads it whole, and ${ifDamaged}.`;
}

/** The same for a model that is here already, from its file alone. */
export async function preflightOfPresent(
  record: ModelRecord,
  facts: ModelFacts,
  options: Pick<PreflightOptions, 'contextTokens' | 'folder' | 'reserveBytes'> & { isDoubted: boolean },
): Promise<Preflight> {
  const { kind } = record.origin;
  const { trainedContextTokens, shape, architecture, quantisation } = facts;
  const memory = judgeMemory({ trainedContextTokens, shape }, options);
  const freeBytes = diskAvailableBytes(options.folder);
  return {
    id: record.id,
    action: options.isDoubted ? (kind === 'bundled' ? 'convert' : 'fetch') : 'ready',
    commit: record.origin.kind === 'hub' ? record.origin.commit : null,
    architecture,
    quantisation,
    licence: record.licence,
    gated: false,
    files: [],
    downloadBytes: 0,
    resultBytes: record.sizeBytes,
    disk: { needBytes: 0, freeBytes, reserveBytes: options.reserveBytes, fit: 'fits' },
    memory,
    tokensPerSecond: await expectedTokensPerSecond(shape.weightsBytes),
    verdict: memory.fit,
    notes: [...(options.isDoubted ? [doubtedNote(kind)] : []), ...fitNotes('fits', memory.fit)],
  };
}

/** What a damaged header is called. */
const senseless: ReadonlySet<ErrorCode> = new Set(['file-invalid', 'file-unsafe', 'model-file-invalid']);

/**
 * Looks at the headers of weights. Where those of copies that are here make no sense, the copies are read against their
 * hashes, which takes its time, and the Hub's are looked at in place of damaged ones.
 */
async function lookAtHeaders<Value>(
  repository: Repository,
  files: readonly RepositoryFile[],
  look: (files: RepositoryFiles) => Promise<Value>,
): Promise<Value> {
  try {
    return await look(repository.headers);
  } catch (error) {
    if (!(error instanceof AppError) || !senseless.has(error.code)) throw error;
    const present = await Promise.all(files.map(({ path }) => repository.isHere(path)));
    if (!present.includes(true)) throw error;
    return await look(repository.content);
  }
}

async function examineFile({ repository, files }: FetchPlan, { signal }: PreflightOptions): Promise<Outcome> {
  const facts = await lookAtHeaders(repository, files, async (content) => {
    const shards = await Promise.all(files.map(({ path }) => content.shard(path)));
    const sources = shards.map(({ source }) => source);
    return checkRunnable(await readRemoteFacts(sources, signal));
  });
  const largestPart = Math.max(...files.map(({ sizeBytes }) => sizeBytes));
  return {
    architecture: facts.architecture,
    quantisation: facts.quantisation,
    resultBytes: facts.sizeBytes,
    // While parts are joined, the one that is being copied is there twice.
    keptBytes: files.length === 1 ? 0 : largestPart,
    trainedContextTokens: facts.trainedContextTokens,
    shape: facts.shape,
    notes: files.length === 1 ? [] : [`Its ${files.length} parts become one file.`],
  };
}

async function examineWeights(plan: ConvertPlan, options: PreflightOptions): Promise<Outcome> {
  const summary = await lookAtHeaders(plan.base, plan.weights, (base) =>
    options.converter.plan({
      base,
      // Their weights are not here yet; they change no size, and the merge itself checks that they fit.
      adapters: [],
      quantisation: plan.quantisation,
      signal: options.signal,
    }),
  );
  const config = (await readJson(plan.base.content, 'config.json', options.signal)) ?? {};
  return {
    architecture: summary.architecture,
    quantisation: plan.quantisation,
    resultBytes: summary.outputBytes,
    keptBytes: plan.weights
      .filter(({ path }) => summary.scatteredFiles.includes(path))
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    trainedContextTokens: summary.contextTokens,
    shape: shapeOf(summary, config),
    notes: summary.notes,
  };
}

function shapeOf(summary: ConversionSummary, config: Record<string, unknown>): ModelShape {
  const number = (name: string): number => (typeof config[name] === 'number' ? config[name] : 0);
  const embeddingLength = number('hidden_size');
  const tokenLength = summary.headCountKv * summary.keyLength;
  return {
    weightsBytes: summary.weightsBytes,
    repackedBytes: summary.repackedBytes,
    layers: summary.layers,
    keyLength: tokenLength,
    valueLength: tokenLength,
    embeddingLength,
    feedForwardLength: number('intermediate_size') || 4 * embeddingLength,
    vocabularySize: number('vocab_size'),
  };
}

interface WantedFile {
  repository: Repository;
  path: string;
  sizeBytes: number;
}

function wantedFiles(plan: PullPlan): WantedFile[] {
  if (plan.kind === 'fetch') return plan.files.map((file) => ({ repository: plan.repository, ...file }));
  return [
    ...plan.weights.map((file) => ({ repository: plan.base, ...file })),
    ...plan.adapters.map(({ repository, weights }) => ({ repository, ...weights })),
  ];
}

function listFiles(wanted: readonly WantedFile[]): Promise<Preflight['files']> {
  return Promise.all(
    wanted.map(async ({ repository, path, sizeBytes }) => ({
      name: `${repository.name}/${path}`,
      sizeBytes,
      cached: await repository.isHere(path),
    })),
  );
}

function judgeDisk(plan: PullPlan, outcome: Outcome, options: PreflightOptions): Preflight['disk'] {
  const adapterBytes =
    plan.kind === 'fetch' ? 0 : plan.adapters.reduce((sum, { weights }) => sum + weights.sizeBytes, 0);
  const allBytes = outcome.resultBytes + outcome.keptBytes + adapterBytes;
  const needBytes = options.here === null ? Math.max(0, allBytes - options.heldBytes) : 0;
  const freeBytes = diskAvailableBytes(options.folder);
  const fit =
    needBytes > freeBytes ? 'will-not-fit' : needBytes + options.reserveBytes > freeBytes ? 'tight' : 'fits';
  return { needBytes, freeBytes, reserveBytes: options.reserveBytes, fit };
}

function judgeMemory(
  outcome: Pick<Outcome, 'shape' | 'trainedContextTokens'>,
  options: Pick<PreflightOptions, 'contextTokens'>,
): NonNullable<Preflight['memory']> {
  const trained = outcome.trainedContextTokens || options.contextTokens;
  const contextTokens = Math.min(trained, options.contextTokens);
  // The least that the engine loads with: all its slots share one context then.
  const use = memoryUse(outcome.shape, { kvTokens: contextTokens, kvType: 'f16' });
  const { availableBytes } = readMachine();
  const { weightsBytes, repackedBytes, kvBytes, computeBytes, totalBytes } = use;
  return {
    contextTokens,
    weightsBytes: weightsBytes + repackedBytes,
    kvBytes,
    computeBytes,
    totalBytes,
    availableBytes,
    fit: fitOf(totalBytes, availableBytes),
  };
}

function licenceNotes(repositories: readonly Repository[]): string[] {
  return repositories.flatMap(({ name, licence, isGated }) => [
    ...(isGated ? [`${name} is gated; this account may read it.`] : []),
    ...(licence !== null && /nc|non-?commercial|llama|other/i.test(licence)
      ? [`The licence of ${name} (${licence}) has conditions; read them on its page.`]
      : []),
  ]);
}

function fitNotes(disk: Preflight['verdict'], memory: Preflight['verdict']): string[] {
  const notes: string[] = [];
  if (disk === 'will-not-fit') notes.push('The disk has no room for it.');
  if (disk === 'tight') notes.push('The disk is nearly full afterwards.');
  if (memory === 'will-not-fit')
    notes.push(
      'The memory of this machine is too small for it now: choose a smaller quantisation, a shorter context or a smaller model.',
    );
  if (memory === 'tight') notes.push('It takes nearly all memory that is free now.');
  return notes;
}

function worse(one: Preflight['verdict'], other: Preflight['verdict']): Preflight['verdict'] {
  const order = ['fits', 'tight', 'will-not-fit'] as const;
  return order[Math.max(order.indexOf(one), order.indexOf(other))] ?? 'fits';
}
