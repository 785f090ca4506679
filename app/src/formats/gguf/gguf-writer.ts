import { AppError } from '../../contracts/app-error.ts';
import {
  ggmlSizeBytes,
  ggmlTypes,
  ggufArrayId,
  ggufDefaultAlignment,
  ggufMagic,
  ggufNumberTypes,
  ggufStringId,
  padTo,
  type GgmlType,
  type GgufArray,
  type GgufElementType,
  type GgufEntry,
  type GgufNumberType,
  type GgufScalar,
  type GgufTensor,
} from './gguf-types.ts';

export interface GgufTensorShape {
  name: string;
  /** The first one is contiguous: the reverse of PyTorch's order. */
  dimensions: readonly number[];
  type: GgmlType;
}

export interface GgufLayout {
  /** Everything up to the first tensor, padding included. */
  header: Uint8Array;
  tensors: GgufTensor[];
  /** The size of the finished file, trailing padding included. */
  sizeBytes: number;
}

type NumberWriter = (view: DataView, at: number, value: number | bigint | boolean) => void;

const numberWriters: Record<GgufNumberType, NumberWriter> = {
  u8: (view, at, value) => view.setUint8(at, Number(value)),
  i8: (view, at, value) => view.setInt8(at, Number(value)),
  u16: (view, at, value) => view.setUint16(at, Number(value), true),
  i16: (view, at, value) => view.setInt16(at, Number(value), true),
  u32: (view, at, value) => view.setUint32(at, Number(value), true),
  i32: (view, at, value) => view.setInt32(at, Number(value), true),
  f32: (view, at, value) => view.setFloat32(at, Number(value), true),
  bool: (view, at, value) => view.setUint8(at, value ? 1 : 0),
  u64: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
  i64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  f64: (view, at, value) => view.setFloat64(at, Number(value), true),
};

class ByteSink {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  reserve(count: number): number {
    const at = this.length;
    const wanted = at + count;
    if (wanted > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.length = wanted;
    return at;
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: number | bigint): void {
    const at = this.reserve(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  string(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    this.u64(bytes.length);
    this.append(bytes);
  }

  append(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  number(type: GgufNumberType, value: number | bigint | boolean): void {
    const at = this.reserve(ggufNumberTypes[type].bytes);
    numberWriters[type](this.#view, at, value);
  }

  pad(alignment: number): void {
    this.reserve(padTo(this.length, alignment) - this.length);
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}

function writeArray(sink: ByteSink, entry: GgufArray): void {
  const { elementType, values } = entry;
  if (!values) throw new AppError('internal', 'A GGUF array without its values cannot be written.');
  sink.u32(ggufArrayId);
  sink.u32(elementType === 'string' ? ggufStringId : ggufNumberTypes[elementType].id);
  sink.u64(values.length);
  for (const value of values) {
    if (elementType === 'string') sink.string(String(value));
    else sink.number(elementType, value as number | bigint | boolean);
  }
}

function writeEntry(sink: ByteSink, entry: GgufEntry): void {
  if (entry.type === 'array') return writeArray(sink, entry);
  if (entry.type === 'string') {
    sink.u32(ggufStringId);
    sink.string(entry.value);
    return;
  }
  sink.u32(ggufNumberTypes[entry.type].id);
  sink.number(entry.type, entry.value);
}

/** Entries as they stand in a file, one after the other. */
export interface EncodedEntries {
  count: number;
  bytes: Uint8Array;
}

export function encodeEntries(entries: Iterable<readonly [string, GgufEntry]>): EncodedEntries {
  const sink = new ByteSink();
  let count = 0;
  for (const [key, entry] of entries) {
    sink.string(key);
    writeEntry(sink, entry);
    count++;
  }
  return { count, bytes: sink.bytes() };
}

/** One list after the other. */
export function joinEntries(parts: readonly EncodedEntries[]): EncodedEntries {
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
  };
}

/**
 * The header of a GGUF v3 file and the place of each tensor, from shapes alone: bytes can then be written in any order.
 * The same entries and shapes in the same order give the same bytes.
 */
export function layOutGguf(
  entries: Iterable<readonly [string, GgufEntry]>,
  shapes: readonly GgufTensorShape[],
): GgufLayout {
  return layOutEncoded(encodeEntries(entries), shapes);
}

/** The same with entries that are encoded already; they state no alignment. */
export function layOutEncoded(entries: EncodedEntries, shapes: readonly GgufTensorShape[]): GgufLayout {
  const alignment = ggufDefaultAlignment;
  const sink = new ByteSink();
  sink.u32(ggufMagic);
  sink.u32(3);
  sink.u64(shapes.length);
  sink.u64(entries.count);
  sink.append(entries.bytes);
  let relative = 0;
  const placed = shapes.map((shape) => {
    const sizeBytes = ggmlSizeBytes(
      shape.type,
      shape.dimensions.reduce((product, dimension) => product * dimension, 1),
    );
    sink.string(shape.name);
    sink.u32(shape.dimensions.length);
    for (const dimension of shape.dimensions) sink.u64(dimension);
    sink.u32(ggmlTypes[shape.type].id);
    sink.u64(relative);
    const tensor = { ...shape, sizeBytes, offset: relative };
    relative += padTo(sizeBytes, alignment);
    return tensor;
  });
  sink.pad(alignment);
  const header = sink.bytes();
  const tensors = placed.map((tensor) => ({ ...tensor, offset: tensor.offset + header.length }));
  return { header, tensors, sizeBytes: header.length + relative };
}

/** Entries in the short form that callers write. */
export const ggufEntry = {
  string: (value: string): GgufEntry => ({ type: 'string', value }),
  u32: (value: number): GgufEntry => ({ type: 'u32', value }),
  f32: (value: number): GgufEntry => ({ type: 'f32', value }),
  bool: (value: boolean): GgufEntry => ({ type: 'bool', value }),
  array: (elementType: GgufElementType, values: readonly GgufScalar[]): GgufEntry => ({
    type: 'array',
    elementType,
    count: values.length,
    values,
  }),
};
