import { AppError } from '../../contracts/app-error.ts';
import { ByteCursor } from '../byte-cursor.ts';
import type { ByteSource } from '../byte-source.ts';
import { checkTensorLayout, readTensor, type RawTensor } from './gguf-tensors.ts';
import {
  ggufArrayId,
  ggufDefaultAlignment,
  ggufMagic,
  ggufNumberTypes,
  ggufStringId,
  padTo,
  type GgufArray,
  type GgufElementType,
  type GgufEntry,
  type GgufFile,
  type GgufMetadata,
  type GgufNumberType,
  type GgufScalar,
} from './gguf-types.ts';

/**
 * What a GGUF file may ask of this reader. llama.cpp calls no untrusted file safe, so every file passes here first.
 * The largest real headers (quarter-million-token vocabularies, thousands of expert tensors) use a tenth of these.
 */
export const ggufLimits = {
  /** Version 1 had 32-bit lengths and no writer makes it any more; 4 does not exist. */
  minimumVersion: 2,
  maximumVersion: 3,
  /** Real files have below 100; a vocabulary is one entry. */
  maximumEntries: 100_000,
  /** The largest mixture-of-experts files have below 10 000. */
  maximumTensors: 100_000,
  /** Chat templates reach 100 kB; long licence texts 1 MB. */
  maximumStringBytes: 16 * 1024 * 1024,
  /** Entry names; llama.cpp's own are below 64 bytes. */
  maximumKeyBytes: 65_535,
  /** Vocabularies reach 300 000 tokens, merges 450 000. */
  maximumArrayElements: 4_000_000,
  /** Everything before the tensors; a 262 144-token vocabulary with merges is 15 MB. */
  maximumHeaderBytes: 256 * 1024 * 1024,
  /** A power of two in this range; llama.cpp multiplies with it. */
  minimumAlignment: 8,
  maximumAlignment: 65_536,
} as const;

/** llama.cpp ends its process over two equal tokens; empty ones it tells apart itself. */
const vocabularyKey = 'tokenizer.ggml.tokens';

/** Element types without which llama.cpp reads a vocabulary as something else than it is. */
const requiredElementTypes: Readonly<Record<string, GgufElementType>> = {
  'tokenizer.ggml.tokens': 'string',
  'tokenizer.ggml.merges': 'string',
  'tokenizer.ggml.scores': 'f32',
  'tokenizer.ggml.token_type': 'i32',
};

export interface GgufReadOptions {
  /** Longer arrays are checked but their values are not kept; default 1024. */
  keepArraysUpTo?: number;
  signal?: AbortSignal;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const lenientUtf8 = new TextDecoder('utf-8');
const numberTypeById = new Map(
  Object.entries(ggufNumberTypes).map(([name, { id }]) => [id as number, name as GgufNumberType]),
);

export function invalidGguf(name: string, why: string): AppError {
  return new AppError('model-file-invalid', `${name} is not a sound GGUF file: ${why}.`, {
    hint: 'Fetch the file again; if it stays like this, the file itself is damaged or hostile.',
  });
}

class GgufReading {
  readonly source: ByteSource;
  readonly cursor: ByteCursor;
  readonly keepArraysUpTo: number;

  constructor(source: ByteSource, options: GgufReadOptions) {
    this.source = source;
    this.cursor = new ByteCursor(source, ggufLimits.maximumHeaderBytes, options.signal);
    this.keepArraysUpTo = options.keepArraysUpTo ?? 1024;
  }

  fail(why: string): AppError {
    return invalidGguf(this.source.name, why);
  }

  async u32(): Promise<number> {
    if (!this.cursor.has(4)) await this.cursor.need(4);
    return this.cursor.u32();
  }

  async count(maximum: number, what: string): Promise<number> {
    if (!this.cursor.has(8)) await this.cursor.need(8);
    const value = this.cursor.u64();
    if (value > BigInt(maximum)) throw this.fail(`${what} is ${value}, more than ${maximum}`);
    return Number(value);
  }

  async stringBytes(maximum: number, what: string): Promise<Uint8Array> {
    const length = await this.count(maximum, `the length of ${what}`);
    if (!this.cursor.has(length)) await this.cursor.need(length);
    return this.cursor.bytes(length);
  }

  async name(maximum: number, what: string): Promise<string> {
    const bytes = await this.stringBytes(maximum, what);
    if (bytes.length === 0) throw this.fail(`${what} is empty`);
    if (bytes.includes(0)) throw this.fail(`${what} holds a NUL byte`);
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.fail(`${what} is not UTF-8`);
    }
  }

  /** A number whose bytes are at hand already. */
  scalarAtHand(type: GgufNumberType): number | bigint | boolean {
    const { cursor } = this;
    if (type === 'bool') {
      const value = cursor.u8();
      if (value > 1) throw this.fail(`a truth value is ${value}`);
      return value === 1;
    }
    return cursor[type]();
  }

  async array(key: string): Promise<GgufArray> {
    const elementId = await this.u32();
    const elementType = elementId === ggufStringId ? 'string' : numberTypeById.get(elementId);
    if (!elementType) throw this.fail(`${key} is an array of type ${elementId}, which does not exist`);
    const required = requiredElementTypes[key];
    if (required && required !== elementType)
      throw this.fail(`${key} holds ${elementType} where ${required} belongs`);
    const count = await this.count(ggufLimits.maximumArrayElements, `the length of ${key}`);
    const keep = count <= this.keepArraysUpTo;
    const values =
      elementType === 'string'
        ? await this.strings(key, count, keep)
        : await this.numbers(elementType, count, keep);
    return { type: 'array', elementType, count, values: keep ? values : null };
  }

  async strings(key: string, count: number, keep: boolean): Promise<string[]> {
    const values: string[] = [];
    const seen = key === vocabularyKey ? new Set<string>() : null;
    for (let index = 0; index < count; index++) {
      const bytes = await this.stringBytes(ggufLimits.maximumStringBytes, `an element of ${key}`);
      if (keep) values.push(lenientUtf8.decode(bytes));
      if (seen && bytes.length > 0 && seen.size === seen.add(Buffer.from(bytes).toString('latin1')).size)
        throw this.fail(`the token "${lenientUtf8.decode(bytes)}" occurs twice in its vocabulary`);
    }
    return values;
  }

  async numbers(type: GgufNumberType, count: number, keep: boolean): Promise<GgufScalar[]> {
    const values: GgufScalar[] = [];
    const size = ggufNumberTypes[type].bytes;
    for (let index = 0; index < count; index++) {
      if (!this.cursor.has(size)) await this.cursor.need(size);
      const value = this.scalarAtHand(type);
      if (keep) values.push(value);
    }
    return values;
  }

  async entry(key: string): Promise<GgufEntry> {
    const typeId = await this.u32();
    if (typeId === ggufArrayId) return await this.array(key);
    if (typeId === ggufStringId) {
      const bytes = await this.stringBytes(ggufLimits.maximumStringBytes, key);
      return { type: 'string', value: lenientUtf8.decode(bytes) };
    }
    const type = numberTypeById.get(typeId);
    if (!type) throw this.fail(`${key} has type ${typeId}, which does not exist`);
    await this.cursor.need(ggufNumberTypes[type].bytes);
    return { type, value: this.scalarAtHand(type) } as GgufEntry;
  }

  async metadata(count: number): Promise<Pick<GgufFile, 'metadata' | 'entryPlaces'>> {
    const metadata: GgufMetadata = new Map();
    const entryPlaces: GgufFile['entryPlaces'] = new Map();
    for (let index = 0; index < count; index++) {
      const offset = this.cursor.position;
      const key = await this.name(ggufLimits.maximumKeyBytes, `the name of entry ${index}`);
      if (metadata.has(key)) throw this.fail(`the entry ${key} occurs twice`);
      metadata.set(key, await this.entry(key));
      entryPlaces.set(key, { offset, sizeBytes: this.cursor.position - offset });
    }
    return { metadata, entryPlaces };
  }

  alignment(metadata: GgufMetadata): number {
    const entry = metadata.get('general.alignment');
    if (!entry) return ggufDefaultAlignment;
    const value = entry.type === 'u32' ? Number(entry.value) : 0;
    const inRange = value >= ggufLimits.minimumAlignment && value <= ggufLimits.maximumAlignment;
    if (!inRange || (value & (value - 1)) !== 0)
      throw this.fail(`general.alignment is not a power of two from 8 to 65536`);
    return value;
  }
}

/**
 * Reads and checks everything before the tensors' bytes, and that those bytes are where they must be.
 * Rejects with `model-file-invalid`; needs no more memory than what it keeps.
 */
export async function readGguf(source: ByteSource, options: GgufReadOptions = {}): Promise<GgufFile> {
  const reading = new GgufReading(source, options);
  try {
    return await readChecked(reading);
  } catch (error) {
    if (error instanceof AppError && error.code === 'file-invalid')
      throw invalidGguf(source.name, 'it ends in the middle of its header');
    throw error;
  }
}

async function readChecked(reading: GgufReading): Promise<GgufFile> {
  const { source, cursor } = reading;
  if ((await reading.u32()) !== ggufMagic) throw reading.fail('it does not begin with GGUF');
  const version = await reading.u32();
  if (version < ggufLimits.minimumVersion || version > ggufLimits.maximumVersion)
    throw reading.fail(`its version is ${version}; 2 and 3 are known`);
  const tensorCount = await reading.count(ggufLimits.maximumTensors, 'the number of tensors');
  const entryCount = await reading.count(ggufLimits.maximumEntries, 'the number of entries');
  const { metadata, entryPlaces } = await reading.metadata(entryCount);
  const alignment = reading.alignment(metadata);
  const raw: RawTensor[] = [];
  const names = new Set<string>();
  for (let index = 0; index < tensorCount; index++) {
    const name = await reading.name(63, `the name of tensor ${index}`);
    if (names.has(name)) throw reading.fail(`the tensor ${name} occurs twice`);
    names.add(name);
    raw.push(await readTensor(cursor, name, source.name));
  }
  const dataOffset = padTo(cursor.position, alignment);
  const tensors = checkTensorLayout(raw, { dataOffset, alignment, source });
  return { version, metadata, entryPlaces, tensors, alignment, dataOffset };
}
