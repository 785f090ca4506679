import type { TensorDtype } from '../tensor-file.ts';

export interface SafetensorsInput {
  name: string;
  dtype: TensorDtype;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** A whole safetensors file; tensors keep their order. */
export function encodeSafetensors(
  tensors: readonly SafetensorsInput[],
  metadata: Record<string, string> = { format: 'pt' },
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let at = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [at, at + bytes.byteLength] };
    at += bytes.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + padded + at).fill(0x20, 8, 8 + padded);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(text, 8);
  let position = 8 + padded;
  for (const { bytes } of tensors) {
    file.set(bytes, position);
    position += bytes.byteLength;
  }
  return file;
}
