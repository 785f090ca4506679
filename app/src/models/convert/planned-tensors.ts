import { AppError } from '../../contracts/app-error.ts';
import { tensorDtypes, valueCount, type TensorDtype } from '../../formats/tensor-file.ts';
import type { Addition, MergePlan } from './adapters/open-adapter.ts';
import type { Architecture, ArchitectureTensor, RowOrder } from './architectures/architecture.ts';
import type { ModelConfig } from './architectures/model-config.ts';
import type { StoredType } from './quantise/weight-kernels.ts';
import { rowUnits, type RowRange } from './row-units.ts';
import { stridesOf, type Strides } from './strided-values.ts';
import { tensorType, type TypeContext } from './tensor-types.ts';
import type { LocatedTensor, OpenShard } from './weights.ts';

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
  /** Absent where the values lie one after the other. */
  strides: Strides | undefined;
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

const sizeNames = (shape: readonly number[]): string => shape.join(' × ');

/** The file's own order: what belongs to no layer first, then layer by layer, each by name. */
export function byPlace(a: { name: string }, b: { name: string }): number {
  const layer = (name: string): number => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
  return layer(a.name) - layer(b.name) || (a.name < b.name ? -1 : 1);
}

function floatDtype(located: LocatedTensor): FloatDtype {
  const { dtype, name } = located.tensor;
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16')
    throw new AppError(
      'model-unsupported',
      `${name} is stored as ${dtype}; f32, f16 and bf16 can be converted.`,
      {
        hint: 'Quantised repositories (GPTQ, AWQ, FP8, bitsandbytes) have a full-precision original: use that one.',
      },
    );
  return dtype;
}

export interface FoundTensor {
  wanted: ArchitectureTensor;
  located: LocatedTensor;
}

/** Pairs the family's tensors with the repository's; nothing may be missing and nothing left over. */
export function pairTensors(
  architecture: Architecture,
  config: ModelConfig,
  merge: MergePlan,
  repository: string,
): FoundTensor[] {
  const rest = new Set([...merge.tensors.keys()].filter((name) => !architecture.isDropped(name)));
  // First of all: names and shapes of a quantised repository are others too, and would be blamed on the download.
  for (const [name, located] of merge.tensors) if (rest.has(name)) floatDtype(located);
  const found: FoundTensor[] = [];
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

export function plannedTensors(
  found: readonly FoundTensor[],
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
        strides: stridesOf(located.tensor),
        located,
        additions: merge.additions.get(wanted.source) ?? [],
      };
    })
    .toSorted(byPlace);
}

export function planUnits(tensors: readonly PlannedTensor[], shards: readonly OpenShard[]): PlannedUnit[] {
  const units = tensors.flatMap((tensor, index): PlannedUnit[] => {
    const valueBytes = tensorDtypes[tensor.dtype];
    const rowStep = (tensor.strides?.row ?? tensor.columns) * valueBytes;
    const shard = shards.indexOf(tensor.located.shard);
    return rowUnits(tensor.rows, tensor.columns, tensor.order).map((range) => ({
      ...range,
      tensor: index,
      shard,
      sourceOffset: tensor.located.tensor.offset + range.sourceRow * rowStep,
      sourceBytes: range.rows * tensor.columns * valueBytes,
    }));
  });
  return units.toSorted(
    (a, b) => a.shard - b.shard || a.sourceOffset - b.sourceOffset || a.tensor - b.tensor,
  );
}

/** Files that cannot be read from front to back: they hold tensors whose values do not lie in order. */
export function scatteredFiles(tensors: readonly PlannedTensor[]): string[] {
  const shards = tensors.filter(({ strides }) => strides).map(({ located }) => located.shard);
  return [...new Set(shards.filter(({ shard }) => shard.path === undefined).map(({ name }) => name))];
}
