import type { Quantisation } from '../../contracts/models.ts';
import { ggmlTypes } from '../../formats/gguf/gguf-types.ts';
import type { StoredType } from './quantise/weight-kernels.ts';

/** What decides the type of a tensor beside its own name and shape. */
export interface TypeContext {
  quantisation: Quantisation;
  architecture: string;
  layers: number;
  heads: number;
  keyValueHeads: number;
  /** Whether there is no output.weight: the embedding then serves as the output. */
  isTied: boolean;
}

/** llama.cpp's number for the whole file. */
export const fileTypes: Record<Quantisation, number> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q8_0: 7,
  q4_k_s: 14,
  q4_k_m: 15,
  q5_k_s: 16,
  q5_k_m: 17,
  q6_k: 18,
  bf16: 32,
};

const ordinary: Record<Quantisation, StoredType> = {
  f32: 'f32',
  f16: 'f16',
  bf16: 'bf16',
  q8_0: 'q8_0',
  q4_0: 'q4_0',
  q4_k_s: 'q4_k',
  q4_k_m: 'q4_k',
  q5_k_s: 'q5_k',
  q5_k_m: 'q5_k',
  q6_k: 'q6_k',
};

/** Types of blocks of 256 and what stands in where rows are not whole blocks. */
const substitutes: Partial<Record<StoredType, StoredType>> = { q4_k: 'q5_0', q5_k: 'q5_1', q6_k: 'q8_0' };

/** The first and the last eighth of the layers, and every third between. */
function deservesMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

function fits(type: StoredType, columns: number): boolean {
  return columns % ggmlTypes[type].blockValues === 0;
}

function outputType(context: TypeContext, columns: number): StoredType {
  const type = ordinary[context.quantisation];
  if (context.architecture === 'falcon' || !fits(type, columns)) return 'q8_0';
  return type === 'q8_0' ? type : 'q6_k';
}

function valueType(context: TypeContext, layer: number): StoredType {
  const { quantisation, layers } = context;
  const type = ordinary[quantisation];
  if (quantisation === 'q4_k_m' || quantisation === 'q5_k_m') {
    if (deservesMoreBits(layer, layers)) return 'q6_k';
  } else if (quantisation === 'q4_k_s' && layer < 4) return 'q5_k';
  const isGrouped = context.architecture === 'qwen2' || context.heads !== context.keyValueHeads;
  const isLarge = layers === 80 && isGrouped && ['llama', 'qwen2'].includes(context.architecture);
  return isLarge && type === 'q4_k' ? 'q5_k' : type;
}

function downType(context: TypeContext, layer: number): StoredType {
  const { quantisation, layers } = context;
  const type = ordinary[quantisation];
  const isFalcon = context.architecture === 'falcon';
  if (quantisation === 'q4_k_m' && isFalcon) {
    if (layer < Math.floor(layers / 16)) return 'q6_k';
    return deservesMoreBits(layer, layers) ? 'q5_k' : type;
  }
  if (quantisation === 'q4_k_m' || quantisation === 'q5_k_m')
    return deservesMoreBits(layer, layers) ? 'q6_k' : type;
  return quantisation === 'q4_k_s' && !isFalcon && layer < Math.floor(layers / 8) ? 'q5_k' : type;
}

function wantedType(name: string, columns: number, context: TypeContext): StoredType {
  if (name === 'output.weight' || (context.isTied && name === 'token_embd.weight'))
    return outputType(context, columns);
  const [, layer = '0', part] = /^blk\.(\d+)\.(.*)\.weight$/.exec(name) ?? [];
  if (part === 'attn_v' || part === 'attn_qkv') return valueType(context, Number(layer));
  if (part === 'ffn_down') return downType(context, Number(layer));
  return ordinary[context.quantisation];
}

/** The type that llama-quantize gives a tensor: by name, by layer, and by what its rows allow. */
export function tensorType(name: string, shape: readonly number[], context: TypeContext): StoredType {
  const isMatrix = shape.length > 1 && name.endsWith('.weight') && !name.endsWith('_norm.weight');
  if (!isMatrix) return 'f32';
  const plain = ordinary[context.quantisation];
  if (plain === 'f32' || plain === 'f16' || plain === 'bf16') return plain;
  const columns = shape.at(-1) ?? 1;
  const wanted = wantedType(name, columns, context);
  if (fits(wanted, columns)) return wanted;
  const substitute = substitutes[wanted] ?? wanted;
  return fits(substitute, columns) ? substitute : 'f16';
}
