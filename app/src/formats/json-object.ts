import { AppError } from '../contracts/app-error.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The JSON object in `bytes`; rejects what is too long, not UTF-8, not JSON or not an object. */
export function parseJsonObject(name: string, bytes: Uint8Array, limitBytes: number): JsonObject {
  if (bytes.byteLength > limitBytes)
    throw new AppError('file-invalid', `${name} has ${bytes.byteLength} bytes, more than ${limitBytes}.`);
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new AppError('file-invalid', `${name} is not JSON in UTF-8.`, { cause });
  }
  if (!isJsonObject(value)) throw new AppError('file-invalid', `${name} is not a JSON object.`);
  return value;
}
