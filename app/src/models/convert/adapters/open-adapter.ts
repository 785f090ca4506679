import { AppError } from '../../../contracts/app-error.ts';
import { loraRank, loraScale, readPeftConfig, type PeftConfig } from '../../../formats/peft/peft-config.ts';
import type { TensorDtype } from '../../../formats/tensor-file.ts';
import type { RepositoryFiles } from '../convert-types.ts';
import { stridesOf, type Strides } from '../strided-values.ts';
import { openShards, type LocatedTensor } from '../weights.ts';

/** Numbers in a file on this machine, for worker threads to read. */
export interface StoredNumbers {
  path: string;
  dtype: Extract<TensorDtype, 'f32' | 'f16' | 'bf16'>;
  offset: number;
  shape: readonly number[];
  /** Absent where the values lie one after the other. */
  strides?: Strides;
}

/** What is added to a base tensor on its way into the file. */
export type Addition =
  | {
      kind: 'lora';
      /** rank × columns; of an embedding: rank × rows. */
      a: StoredNumbers;
      /** rows × rank; of an embedding: columns × rank. */
      b: StoredNumbers;
      rank: number;
      scale: number;
      isEmbedding: boolean;
    }
  | { kind: 'vector'; values: StoredNumbers; scale: number };

/** An adapter's effect by the Hugging Face name of the base tensor. */
export interface OpenAdapter {
  name: string;
  config: PeftConfig;
  additions: Map<string, Addition>;
  /** Tensors that take the place of the base's. */
  replacements: Map<string, LocatedTensor>;
}

const weightFiles = ['adapter_model.safetensors', 'adapter_model.bin'] as const;

interface ModuleParts {
  a?: LocatedTensor;
  b?: LocatedTensor;
  bias?: LocatedTensor;
  isEmbedding: boolean;
}

function mismatch(adapter: string, why: string): AppError {
  return new AppError('adapter-mismatch', `The adapter ${adapter} cannot be merged: ${why}.`, {
    hint: 'Check that the adapter was made for this base; --base names another one.',
  });
}

function plainName(key: string): string {
  return key
    .replace(/^base_model\.model\./, '')
    .replaceAll('.base_layer.', '.')
    .replace(/\.modules_to_save(?:\.default)?\./, '.')
    .replace(/\.original_module\./, '.');
}

const loraKey = /^(.*)\.lora_(A|B)(?:\.(?!weight$|bias$)[^.]+)?\.(weight|bias)$/;
const embeddingKey = /^(.*)\.lora_embedding_(A|B)(?:\.[^.]+)?$/;

interface LoraPart {
  module: string;
  role: 'a' | 'b' | 'bias';
  isEmbedding: boolean;
}

function loraPart(name: string): LoraPart | undefined {
  const [, module, half, kind] = loraKey.exec(name) ?? [];
  if (module !== undefined && kind === 'weight')
    return { module, role: half === 'A' ? 'a' : 'b', isEmbedding: false };
  if (module !== undefined && half === 'B') return { module, role: 'bias', isEmbedding: false };
  const [, embedding, embeddingHalf] = embeddingKey.exec(name) ?? [];
  if (embedding === undefined) return undefined;
  return { module: embedding, role: embeddingHalf === 'A' ? 'a' : 'b', isEmbedding: true };
}

/** Sorts an adapter's tensors into modules and replacements. */
function sortTensors(
  adapter: string,
  tensors: ReadonlyMap<string, LocatedTensor>,
): { modules: Map<string, ModuleParts>; replacements: Map<string, LocatedTensor> } {
  const modules = new Map<string, ModuleParts>();
  const replacements = new Map<string, LocatedTensor>();
  const partsOf = (module: string, isEmbedding: boolean): ModuleParts => {
    const parts = modules.get(module) ?? { isEmbedding };
    modules.set(module, parts);
    return parts;
  };
  for (const [key, located] of tensors) {
    const name = plainName(key);
    const part = loraPart(name);
    if (part) partsOf(part.module, part.isEmbedding)[part.role] = located;
    else if (name.includes('lora_magnitude_vector'))
      throw mismatch(adapter, 'it is a DoRA, which is not supported');
    else if (name.includes('lora_')) throw mismatch(adapter, `the part ${key} is of an unknown kind`);
    else replacements.set(name, located);
  }
  return { modules, replacements };
}

export function storedNumbers(adapter: string, { tensor, shard }: LocatedTensor): StoredNumbers {
  const { dtype } = tensor;
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16')
    throw mismatch(adapter, `${tensor.name} is stored as ${dtype}`);
  if (shard.shard.path === undefined)
    throw new AppError('internal', `The adapter ${adapter} is not on this machine.`);
  const strides = stridesOf(tensor);
  const place = { path: shard.shard.path, dtype, offset: tensor.offset, shape: tensor.shape };
  return strides ? { ...place, strides } : place;
}

function loraOf(
  adapter: { name: string; config: PeftConfig; weight: number },
  module: string,
  parts: ModuleParts,
): Addition {
  const { name, config, weight } = adapter;
  if (!parts.a || !parts.b) throw mismatch(name, `${module} has only one half of its pair`);
  const a = storedNumbers(name, parts.a);
  const b = storedNumbers(name, parts.b);
  const rank = a.shape[0] ?? 0;
  if (a.shape.length !== 2 || b.shape.length !== 2 || b.shape[1] !== rank || rank < 1)
    throw mismatch(name, `the two halves of ${module} do not fit each other`);
  if (rank !== loraRank(config, module))
    throw mismatch(name, `${module} has rank ${rank} where its config says ${loraRank(config, module)}`);
  const scale = loraScale(config, module, rank) * weight;
  return { kind: 'lora', a, b, rank, scale, isEmbedding: parts.isEmbedding };
}

/** Opens a PEFT repository; whether it fits a base is decided by `applyAdapters`. */
export async function openAdapter(
  files: RepositoryFiles,
  weight: number,
  signal?: AbortSignal,
): Promise<OpenAdapter> {
  const configBytes = await files.bytes('adapter_config.json', signal);
  if (!configBytes) throw mismatch(files.name, 'it has no adapter_config.json');
  const config = readPeftConfig('adapter_config.json', configBytes);
  const weights = weightFiles.find((name) => files.names.includes(name));
  if (!weights) throw mismatch(files.name, `it has neither ${weightFiles.join(' nor ')}`);
  const { tensors } = await openShards(files, [weights], signal);
  if (tensors.size === 0)
    throw mismatch(files.name, `its ${weights} is empty, as some early training scripts left it`);
  const { modules, replacements } = sortTensors(files.name, tensors);
  if (replacements.size > 0 && weight !== 1)
    throw mismatch(files.name, `it replaces whole tensors, which a weight of ${weight} cannot do by halves`);
  const additions = new Map<string, Addition>();
  for (const [module, parts] of modules) {
    additions.set(`${module}.weight`, loraOf({ name: files.name, config, weight }, module, parts));
    if (parts.bias) {
      const scale = loraScale(config, module, (parts.a?.tensor.shape[0] ?? 1) || 1) * weight;
      additions.set(`${module}.bias`, {
        kind: 'vector',
        values: storedNumbers(files.name, parts.bias),
        scale,
      });
    }
  }
  return { name: files.name, config, additions, replacements };
}

/** Where each base tensor finds what is added to it, and which are replaced. */
export interface MergePlan {
  additions: Map<string, Addition[]>;
  tensors: Map<string, LocatedTensor>;
}

function fits(addition: Addition, shape: readonly number[]): boolean {
  const [rows, columns] = shape;
  if (addition.kind === 'vector') return shape.length === 1 && addition.values.shape[0] === rows;
  const { a, b, isEmbedding } = addition;
  const [inner, outer] = isEmbedding ? [rows, columns] : [columns, rows];
  return shape.length === 2 && a.shape[1] === inner && b.shape[0] === outer;
}

const output = 'lm_head.weight';

/**
 * An output that is the base's embedding stays that where an adapter brings another embedding: PEFT trains a copy of the
 * embedding alone. Not where it was told to keep the two one, nor beside a LoRA of the embedding: what comes with that
 * is the shared tensor itself.
 */
function keepOutput(
  tensors: Map<string, LocatedTensor>,
  base: ReadonlyMap<string, LocatedTensor>,
  adapters: readonly OpenAdapter[],
  embedding: string,
): void {
  const shared = base.get(embedding);
  const adapter = adapters.find(({ replacements }) => replacements.has(embedding));
  if (!shared || !adapter || tensors.has(output)) return;
  if (adapter.config.ensuresWeightTying || adapter.additions.has(embedding)) return;
  if (adapter.replacements.get(embedding)?.tensor.shape[0] !== shared.tensor.shape[0])
    throw mismatch(
      adapter.name,
      'it resizes an embedding that is the output too, and brings no output of its size',
    );
  tensors.set(output, shared);
}

/**
 * Lays adapters over a base. Every tensor of every adapter must find its place, or the merge is refused.
 * A base without an output shares the values of its embedding, whose name is given.
 */
export function applyAdapters(
  base: ReadonlyMap<string, LocatedTensor>,
  adapters: readonly OpenAdapter[],
  embedding: string,
): MergePlan {
  const tensors = new Map(base);
  const additions = new Map<string, Addition[]>();
  const untied = (name: string): LocatedTensor | undefined =>
    name === output ? base.get(embedding) : undefined;
  for (const adapter of adapters) {
    for (const [name, located] of adapter.replacements) {
      if (!base.has(name) && !untied(name)) throw mismatch(adapter.name, `the base has no ${name}`);
      if (tensors.get(name) !== base.get(name)) throw mismatch(adapter.name, `${name} is replaced twice`);
      tensors.set(name, located);
    }
    for (const [name, addition] of adapter.additions) {
      const located = tensors.get(name) ?? untied(name);
      if (!located) throw mismatch(adapter.name, `the base has no ${name}`);
      if (!fits(addition, located.tensor.shape))
        throw mismatch(
          adapter.name,
          `${name} of the base has another shape (${located.tensor.shape.join(' × ')})`,
        );
      tensors.set(name, located);
      additions.set(name, [...(additions.get(name) ?? []), addition]);
    }
  }
  keepOutput(tensors, base, adapters, embedding);
  return { additions, tensors };
}
