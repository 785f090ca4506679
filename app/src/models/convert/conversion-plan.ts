import { createHash } from 'node:crypto';
import { AppError } from '../../contracts/app-error.ts';
import {
  encodeEntries,
  joinEntries,
  layOutEncoded,
  type GgufLayout,
} from '../../formats/gguf/gguf-writer.ts';
import { parseJsonObject } from '../../formats/json-object.ts';
import { repackedBytes } from '../../lib/repacked-bytes.ts';
import { applyAdapters, openAdapter, type MergePlan } from './adapters/open-adapter.ts';
import type { Architecture } from './architectures/architecture.ts';
import { chooseArchitecture } from './architectures/choose-architecture.ts';
import { maximumConfigBytes, type ModelConfig } from './architectures/model-config.ts';
import type { ConversionSummary, PlanOptions, RepositoryFiles } from './convert-types.ts';
import { generalEntries } from './general-entries.ts';
import {
  byPlace,
  pairTensors,
  plannedTensors,
  planUnits,
  scatteredFiles,
  type PlannedTensor,
  type PlannedUnit,
} from './planned-tensors.ts';
import { chatTemplateEntries } from './vocabulary/chat-template.ts';
import { readVocabularyFiles } from './vocabulary/vocabulary-files.ts';
import { encodeVocabulary } from './vocabulary/vocabulary-thread.ts';
import { chooseWeightFiles, openShards, type OpenShard, type OpenWeights } from './weights.ts';

/** Everything about a conversion that can be known without reading weights. */
export interface ConversionPlan {
  layout: GgufLayout;
  tensors: PlannedTensor[];
  /** Small tensors that are computed, with their place in the file. */
  extras: { offset: number; bytes: Uint8Array }[];
  shards: OpenShard[];
  /** In the order of shards and of bytes in them. */
  units: PlannedUnit[];
  summary: ConversionSummary;
  /** The same for the same input and settings. */
  hash: string;
}

async function readConfig(
  files: RepositoryFiles,
  signal?: AbortSignal,
): Promise<ReturnType<typeof parseJsonObject>> {
  const bytes = await files.bytes('config.json', signal);
  if (!bytes)
    throw new AppError(
      'model-unsupported',
      `${files.name} has no config.json: it is not a Hugging Face model.`,
      { details: { missing: ['config.json'] } },
    );
  return parseJsonObject('config.json', bytes, maximumConfigBytes);
}

interface Opened {
  architecture: Architecture;
  config: ModelConfig;
  weights: OpenWeights;
  merge: MergePlan;
}

async function open(options: PlanOptions): Promise<Opened> {
  const { base, adapters, signal } = options;
  const raw = await readConfig(base, signal);
  const architecture = chooseArchitecture(raw, base.name);
  const weights = await openShards(base, await chooseWeightFiles(base, signal), signal);
  const opened = [];
  for (const { files, weight } of adapters) opened.push(await openAdapter(files, weight, signal));
  const merge = applyAdapters(weights.tensors, opened, architecture.embeddingSource);
  const rows = merge.tensors.get(architecture.embeddingSource)?.tensor.shape[0];
  const config = architecture.readConfig(raw);
  // Finetunes that add tokens do not always say so in their config: the rows that are there decide.
  return { architecture, config: rows ? { ...config, vocabularySize: rows } : config, weights, merge };
}

/** The vocabulary comes from the last adapter that brings both a tokenizer and rows for it, else from the base. */
function vocabularySource(options: PlanOptions, opened: Opened): RepositoryFiles {
  const { architecture, weights, merge } = opened;
  const isResized =
    merge.tensors.get(architecture.embeddingSource) !== weights.tensors.get(architecture.embeddingSource);
  const withTokenizer = options.adapters.findLast(({ files }) =>
    files.names.some((name) => name === 'tokenizer.json' || name === 'tokenizer.model'),
  );
  return (isResized ? withTokenizer?.files : undefined) ?? options.base;
}

function planHash(plan: Omit<ConversionPlan, 'hash' | 'summary'>, options: PlanOptions): string {
  const hash = createHash('sha256').update(plan.layout.header);
  const identity = {
    shards: plan.shards.map(({ name, shard }) => [name, shard.source.sizeBytes, shard.sha256, shard.path]),
    commits: [options.base, ...options.adapters.map(({ files }) => files)].map(
      ({ name, commit, version }) => [name, commit ?? version],
    ),
    units: plan.units.map(({ sourceOffset, sourceBytes, targetRow }) => [
      sourceOffset,
      sourceBytes,
      targetRow,
    ]),
    additions: plan.tensors.map(({ additions }) => additions),
    strides: plan.tensors.flatMap(({ strides }, index) => (strides ? [[index, strides]] : [])),
  };
  return hash.update(JSON.stringify(identity)).digest('hex');
}

function placed(tensors: Omit<PlannedTensor, 'offset'>[], layout: GgufLayout): PlannedTensor[] {
  const offsets = new Map(layout.tensors.map(({ name, offset }) => [name, offset]));
  return tensors.map((tensor) => ({ ...tensor, offset: offsets.get(tensor.name) ?? 0 }));
}

function sumsOf({
  layout,
  tensors,
  units,
}: Pick<ConversionPlan, 'layout' | 'tensors' | 'units'>): Pick<
  ConversionSummary,
  'outputBytes' | 'weightsBytes' | 'repackedBytes' | 'sourceBytes' | 'tensors' | 'scatteredFiles'
> {
  return {
    outputBytes: layout.sizeBytes,
    weightsBytes: layout.tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    repackedBytes: repackedBytes(layout.tensors),
    sourceBytes: units.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0),
    tensors: layout.tensors.length,
    scatteredFiles: scatteredFiles(tensors),
  };
}

/** Reads configs, vocabularies and headers, never weights, and lays the result out. */
export async function planConversion(options: PlanOptions): Promise<ConversionPlan> {
  const opened = await open(options);
  const { architecture, config, merge, weights } = opened;
  const found = pairTensors(architecture, config, merge, options.base.name);
  const isTied = !found.some(({ wanted }) => wanted.name === 'output.weight');
  const context = {
    quantisation: options.quantisation,
    architecture: architecture.name,
    layers: config.layers,
    heads: config.heads,
    keyValueHeads: config.keyValueHeads,
    isTied,
  };
  const tensors = plannedTensors(found, context, merge);
  const parameters = tensors.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const files = await readVocabularyFiles(vocabularySource(options, opened), options.signal);
  const task = { files, size: config.vocabularySize, config: config.raw };
  const vocabulary = await encodeVocabulary(task, options.signal);
  const template = await chatTemplateEntries(options);
  const model = [...generalEntries(options, architecture.name, parameters), ...architecture.entries(config)];
  const entries = joinEntries([encodeEntries(model), vocabulary.entries, encodeEntries(template.entries)]);
  const extras = architecture.extras(config);
  const shapes = [
    ...tensors.map(({ name, shape, type }) => ({ name, type, dimensions: shape.toReversed() })),
    ...extras.map(({ name, values }) => ({ name, type: 'f32' as const, dimensions: [values.length] })),
  ].toSorted(byPlace);
  const layout = layOutEncoded(entries, shapes);
  const inFile = placed(tensors, layout);
  const adapterShards = new Set(
    tensors.map(({ located }) => located.shard).filter((shard) => !weights.shards.includes(shard)),
  );
  const shards = [...weights.shards, ...adapterShards];
  const plan = {
    layout,
    tensors: inFile,
    extras: extras.map(({ name, values }) => ({
      offset: layout.tensors.find((tensor) => tensor.name === name)?.offset ?? 0,
      bytes: new Uint8Array(values.buffer),
    })),
    shards,
    units: planUnits(inFile, shards),
  };
  const size = {
    architecture: architecture.name,
    quantisation: options.quantisation,
    parameters,
    contextTokens: config.contextTokens,
    layers: config.layers,
    headCountKv: config.keyValueHeads,
    keyLength: config.headWidth,
  };
  const summary = { ...size, ...sumsOf(plan), notes: [...vocabulary.notes, ...template.notes] };
  return { ...plan, summary, hash: planHash(plan, options) };
}
