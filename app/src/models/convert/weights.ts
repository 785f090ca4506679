import { AppError } from '../../contracts/app-error.ts';
import { readPytorchBin } from '../../formats/pytorch-bin/pytorch-bin.ts';
import { readSafetensors, readShardIndex } from '../../formats/safetensors/safetensors-reader.ts';
import type { StoredTensor } from '../../formats/tensor-file.ts';
import type { RepositoryFiles, WeightShard } from './convert-types.ts';

export interface OpenShard {
  name: string;
  shard: WeightShard;
  tensors: StoredTensor[];
}

export interface LocatedTensor {
  tensor: StoredTensor;
  shard: OpenShard;
}

export interface OpenWeights {
  shards: OpenShard[];
  tensors: Map<string, LocatedTensor>;
}

/** Kinds of weights in the order of preference. */
const layouts = [
  { index: 'model.safetensors.index.json', single: 'model.safetensors', ending: '.safetensors' },
  { index: 'pytorch_model.bin.index.json', single: 'pytorch_model.bin', ending: '.bin' },
] as const;

/** The weight files of a repository that a conversion reads: safetensors where there are any, each shard once. */
export async function chooseWeightFiles(files: RepositoryFiles, signal?: AbortSignal): Promise<string[]> {
  const names = new Set(files.names);
  for (const { index, single, ending } of layouts) {
    const bytes = names.has(index) ? await files.bytes(index, signal) : undefined;
    if (bytes) {
      const { shards } = readShardIndex(index, bytes);
      const missing = shards.find((shard) => !names.has(shard));
      if (missing !== undefined)
        throw new AppError('file-invalid', `${files.name} has no ${missing}, which ${index} names.`);
      if (shards.every((shard) => shard.endsWith(ending))) return shards;
    }
    if (names.has(single)) return [single];
  }
  throw new AppError('model-unsupported', `${files.name} has no weights that can be read.`, {
    hint: 'Looked for model.safetensors and pytorch_model.bin, whole or in shards.',
  });
}

export async function openShard(
  files: RepositoryFiles,
  name: string,
  signal?: AbortSignal,
): Promise<OpenShard> {
  const shard = await files.shard(name);
  const { tensors } = name.endsWith('.safetensors')
    ? await readSafetensors(shard.source, signal)
    : await readPytorchBin(shard.source, signal);
  return { name, shard, tensors };
}

/** Reads the headers of some files; a tensor that occurs in two of them is refused. */
export async function openShards(
  files: RepositoryFiles,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<OpenWeights> {
  const shards: OpenShard[] = [];
  const tensors = new Map<string, LocatedTensor>();
  for (const name of names) {
    const shard = await openShard(files, name, signal);
    shards.push(shard);
    for (const tensor of shard.tensors) {
      if (tensors.has(tensor.name))
        throw new AppError('file-invalid', `${files.name} has the tensor ${tensor.name} twice.`);
      tensors.set(tensor.name, { tensor, shard });
    }
  }
  return { shards, tensors };
}
