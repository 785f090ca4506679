import { createHash } from 'node:crypto';
import { AppError } from '../../contracts/app-error.ts';
import type { GgufEntry } from '../../formats/gguf/gguf-types.ts';
import { layOutGguf, type GgufLayout } from '../../formats/gguf/gguf-writer.ts';
import { parseJsonObject } from '../../formats/json-object.ts';
import { tensorDtypes, valueCount, type TensorDtype } from '../../formats/tensor-file.ts';
import { applyAdapters, openAdapter, type Addition, type MergePlan } from './adapters/open-adapter.ts';
import type { Architecture, ArchitectureTensor, RowOrder } from './architectures/architecture.ts';
import { chooseArchitecture } from './architectures/choose-architecture.ts';
import { maximumConfigBytes, type ModelConfig } from './architectures/model-config.ts';
import type { ConversionSummary, PlanOptions, RepositoryFiles } from './convert-types.ts';
import { generalEntries } from './general-entries.ts';
import type { StoredType } from './quantise/weight-kernels.ts';
import { rowUnits, type RowRange } from './row-units.ts';
import { tensorType, type TypeContext } from './tensor-types.ts';
import { chatTemplateEntries } from './vocabulary/chat-template.ts';
import { readVocabulary, readVocabularyFiles } from './vocabulary/vocabulary.ts';
import {
  chooseWeightFiles,
  openShards,
  type LocatedTensor,
  type OpenShard,
  type OpenWeights,
} from './weights.ts';

export type FloatDtype = Extract<TensorDtype, 'f32' | 'f16' | 'bf16'>;

export interface PlannedTensor {
  name: string;
  /** PyTorch's order. */
  shape: readonly number[];
  rows: number;
  columns: number;
  type: StoredType;
  order: RowOrder;
  dtype: FloatDtype;
  located: LocatedTensor;
  additions: Addition[];
  /** From the start of the finished file. */
  offset: number;
}

export interface PlannedUnit extends RowRange {
  tensor: number;
  shard: number;
  sourceOffset: number;
  sourceBytes: number;
}

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

const sizeNames = (shape: readonly number[]): string => shape.join(' × ');

/** The file's own order: what belongs to no layer first, then layer by layer, each by name. */
function byPlace(a: { name: string }, b: { name: string }): number {
  const layer = (name: string): number => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
  return layer(a.name) - layer(b.name) || (a.name < b.name ? -1 : 1);
}

function floatDtype(located: LocatedTensor): FloatDtype {
  const { dtype, name, strides } = located.tensor;
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16')
    throw new AppError(
      'model-unsupported',
      `${name} is stored as ${dtype}; f32, f16 and bf16 can be converted.`,
      {
        hint: 'Quantised repositories (GPTQ, AWQ, FP8, bitsandbytes) have a full-precision original: use that one.',
      },
    );
  if (strides) throw new AppError('model-unsupported', `${name} is stored transposed.`);
  return dtype;
}

interface Found {
  wanted: ArchitectureTensor;
  located: LocatedTensor;
}

/** Pairs the family's tensors with the repository's; nothing may be missing and nothing left over. */
function pairTensors(
  architecture: Architecture,
  config: ModelConfig,
  merge: MergePlan,
  repository: string,
): Found[] {
  const rest = new Set([...merge.tensors.keys()].filter((name) => !architecture.isDropped(name)));
  const found: Found[] = [];
  for (const wanted of architecture.tensors(config)) {
    const located = merge.tensors.get(wanted.source);
    if (!located) {
      if (wanted.isOptional) continue;
      throw new AppError('file-invalid', `${repository} lacks the tensor ${wanted.source}.`);
    }
    const { shape } = located.tensor;
    if (sizeNames(shape) !== sizeNames(wanted.shape))
      throw new AppError(
        'file-invalid',
        `${wanted.source} of ${repository} is ${sizeNames(shape)} where its config asks for ${sizeNames(wanted.shape)}.`,
      );
    rest.delete(wanted.source);
    found.push({ wanted, located });
  }
  const [left] = rest;
  if (left !== undefined)
    throw new AppError(
      'model-unsupported',
      `${repository} has a tensor ${left}, which its kind of model has not.`,
      {
        hint: 'Converting without it would make a model that answers wrongly.',
      },
    );
  return found;
}

function plannedTensors(
  found: readonly Found[],
  context: TypeContext,
  merge: MergePlan,
): Omit<PlannedTensor, 'offset'>[] {
  return found
    .map(({ wanted, located }) => {
      const { shape } = located.tensor;
      const columns = shape.length === 1 ? 1 : (shape.at(-1) ?? 1);
      return {
        name: wanted.name,
        shape,
        rows: valueCount(shape) / columns,
        columns,
        type: tensorType(wanted.name, shape, context),
        order: wanted.rows,
        dtype: floatDtype(located),
        located,
        additions: merge.additions.get(wanted.source) ?? [],
      };
    })
    .toSorted(byPlace);
}

function planUnits(tensors: readonly PlannedTensor[], shards: readonly OpenShard[]): PlannedUnit[] {
  const units = tensors.flatMap((tensor, index): PlannedUnit[] => {
    const rowBytes = tensor.columns * tensorDtypes[tensor.dtype];
    const shard = shards.indexOf(tensor.located.shard);
    return rowUnits(tensor.rows, tensor.columns, tensor.order).map((range) => ({
      ...range,
      tensor: index,
      shard,
      sourceOffset: tensor.located.tensor.offset + range.sourceRow * rowBytes,
      sourceBytes: range.rows * rowBytes,
    }));
  });
  return units.toSorted(
    (a, b) => a.shard - b.shard || a.sourceOffset - b.sourceOffset || a.tensor - b.tensor,
  );
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
  const embedding = weights.tensors.get(architecture.embeddingSource);
  const merge = applyAdapters(weights.tensors, opened, (name) =>
    name === 'lm_head.weight' ? embedding : undefined,
  );
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
    commits: [options.base, ...options.adapters.map(({ files }) => files)].map(({ name, commit }) => [
      name,
      commit,
    ]),
    units: plan.units.map(({ sourceOffset, sourceBytes, targetRow }) => [
      sourceOffset,
      sourceBytes,
      targetRow,
    ]),
    additions: plan.tensors.map(({ additions }) => additions),
  };
  return hash.update(JSON.stringify(identity)).digest('hex');
}

function placed(tensors: Omit<PlannedTensor, 'offset'>[], layout: GgufLayout): PlannedTensor[] {
  const offsets = new Map(layout.tensors.map(({ name, offset }) => [name, offset]));
  return tensors.map((tensor) => ({ ...tensor, offset: offsets.get(tensor.name) ?? 0 }));
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
  const vocabularyFiles = await readVocabularyFiles(vocabularySource(options, opened), options.signal);
  const vocabulary = readVocabulary(vocabularyFiles, config.vocabularySize, config.raw);
  const template = await chatTemplateEntries(options);
  const entries: [string, GgufEntry][] = [
    ...generalEntries(options, architecture.name, parameters),
    ...architecture.entries(config),
    ...vocabulary.entries,
    ...template.entries,
  ];
  const extras = architecture.extras(config);
  const shapes = [
    ...tensors.map(({ name, shape, type }) => ({ name, type, dimensions: shape.toReversed() })),
    ...extras.map(({ name, values }) => ({ name, type: 'f32' as const, dimensions: [values.length] })),
  ].toSorted(byPlace);
  const layout = layOutGguf(entries, shapes);
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
  const summary: ConversionSummary = {
    architecture: architecture.name,
    quantisation: options.quantisation,
    outputBytes: layout.sizeBytes,
    sourceBytes: plan.units.reduce((sum, { sourceBytes }) => sum + sourceBytes, 0),
    parameters,
    tensors: layout.tensors.length,
    contextTokens: config.contextTokens,
    layers: config.layers,
    headCountKv: config.keyValueHeads,
    keyLength: config.headWidth,
    notes: [...vocabulary.notes, ...template.notes],
  };
  return { ...plan, summary, hash: planHash(plan, options) };
}
