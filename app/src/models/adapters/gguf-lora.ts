import { AppError } from '../../contracts/app-error.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { readGguf } from '../../formats/gguf/gguf-reader.ts';
import { type GgufFile, type GgufTensor, ggufText } from '../../formats/gguf/gguf-types.ts';
import { copyDurably } from '../../lib/durable-files.ts';
import { openFileSource } from '../../net/file-source.ts';
import type { ConvertedAdapter } from '../pull/converter.ts';
import { hashFile } from '../registry/file-bytes.ts';

export interface TakeLoraOptions {
  /** For messages. */
  name: string;
  /** The file where it lies: its header is looked at before anything is fetched. */
  source: ByteSource;
  /** Gets the file onto this machine; resolves with its path. */
  bring(): Promise<string>;
  /** The GGUF file that it will be switched on over. */
  basePath: string;
  output: string;
  /** How much of it is copied. */
  onProgress: (doneBytes: number) => void;
  signal: AbortSignal;
}

/**
 * Copies a finished GGUF LoRA. It reaches native code later, which ends the process over some of what does not fit: so
 * everything that llama.cpp expects of it and of its base is looked at here, and refused with `adapter-mismatch`.
 */
export async function takeGgufLora(options: TakeLoraOptions): Promise<ConvertedAdapter> {
  const { name, output, signal } = options;
  const base = await readHeader(options.basePath, signal);
  rankOf(await readGguf(options.source, { signal }), base, name);
  await copyDurably(await options.bring(), output, options);
  // What was checked is what is kept: a file of this machine may have changed in between.
  const copy = await readHeader(output, signal);
  const rank = rankOf(copy, base, name);
  return { sha256: await hashFile(output, { signal }), sizeBytes: copy.sizeBytes, rank };
}

/** What is written as the factors of a LoRA; llama.cpp multiplies by them as they are. */
const factorTypes: ReadonlySet<string> = new Set(['f32', 'f16', 'bf16', 'q8_0']);
const embedding = 'token_embd.weight';
const halfText = /^(.+)\.lora_([ab])$/;

type Header = GgufFile & { sizeBytes: number };
type Pair = Partial<Record<'a' | 'b', GgufTensor>>;

async function readHeader(path: string, signal: AbortSignal): Promise<Header> {
  const source = await openFileSource(path);
  try {
    return { ...(await readGguf(source, { signal })), sizeBytes: source.sizeBytes };
  } finally {
    await source.close();
  }
}

/** The largest rank of its products. */
function rankOf(lora: GgufFile, base: GgufFile, name: string): number {
  checkKind(lora, base, name);
  const pairs = pairsOf(lora, name);
  if (pairs.size === 0) throw cannot(name, 'it changes nothing');
  const isTied = !base.tensors.some((tensor) => tensor.name === 'output.weight');
  // llama.cpp finds it by the tensor's name for the output's product too, and ends the process over its shape.
  if (pairs.has(embedding) && isTied) throw cannot(name, 'its base uses the embedding as the output as well');
  const ranks = [...pairs].map(([target, { a, b }]) => {
    if (a === undefined || b === undefined) throw cannot(name, `half of ${target} is missing`);
    if (!factorTypes.has(a.type) || !factorTypes.has(b.type))
      throw cannot(name, `${target} is stored as ${a.type} and ${b.type}`);
    const inBase = base.tensors.find((tensor) => tensor.name === target);
    if (inBase === undefined) throw cannot(name, `the base has no ${target}`);
    if (!isFitting(a, b, inBase)) throw cannot(name, `${target} of the base has another shape`);
    return b.dimensions[0] ?? 0;
  });
  return Math.max(...ranks);
}

function checkKind({ metadata }: GgufFile, base: GgufFile, name: string): void {
  if (ggufText(metadata, 'general.type') !== 'adapter') {
    throw new AppError('model-unsupported', `${name} is a GGUF file, but not one of an adapter.`, {
      hint: 'A model is had with `corral pull` or `corral import`.',
    });
  }
  if (ggufText(metadata, 'adapter.type') !== 'lora') throw cannot(name, 'it is not a LoRA');
  if (metadata.has('adapter.alora.invocation_tokens'))
    throw cannot(name, 'certain words are to switch it on (aLoRA)');
  if (metadata.get('adapter.lora.alpha')?.type !== 'f32')
    throw cannot(name, 'it does not say how strong it is');
  const [its, ours] = [metadata, base.metadata].map((one) => ggufText(one, 'general.architecture'));
  if (its !== ours) throw cannot(name, `it is for ${its}, and the base is ${ours}`);
}

function pairsOf({ tensors }: GgufFile, name: string): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const tensor of tensors) {
    const [, target, half] = halfText.exec(tensor.name) ?? [];
    if (target === undefined) throw cannot(name, `${tensor.name} is no half of a product`);
    pairs.set(target, { ...pairs.get(target), [half === 'a' ? 'a' : 'b']: tensor });
  }
  return pairs;
}

/** Rows and columns as GGUF has them, the contiguous one first; of an embedding, A is looked up by token. */
function isFitting(a: GgufTensor, b: GgufTensor, target: GgufTensor): boolean {
  const [columns, rows, ...experts] = target.dimensions;
  const [rank] = b.dimensions;
  if (columns === undefined || rows === undefined || rank === undefined) return false;
  const [wantedA, wantedB] =
    target.name === embedding
      ? [
          [rank, rows],
          [rank, columns],
        ]
      : [
          [columns, rank],
          [rank, rows],
        ];
  return isShape(a, [...wantedA, ...experts]) && isShape(b, [...wantedB, ...experts]);
}

function isShape({ dimensions }: GgufTensor, wanted: readonly number[]): boolean {
  return dimensions.length === wanted.length && dimensions.every((size, index) => size === wanted[index]);
}

function cannot(name: string, why: string): AppError {
  return new AppError('adapter-mismatch', `The adapter ${name} cannot be switched on here: ${why}.`, {
    hint: 'Name the model that it was made for with --base.',
  });
}
