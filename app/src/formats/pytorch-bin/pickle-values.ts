import type { TensorDtype } from '../tensor-file.ts';

/** No weights have more. */
const maximumDimensions = 8;

export interface PickledTensor {
  name: string;
  dtype: TensorDtype;
  storageKey: string;
  /** In values, within the storage. */
  storageOffset: number;
  shape: number[];
  strides: number[];
}

/** Names are recognised, never looked up: a marker stands for what PyTorch would call. */
export class Marker {
  readonly kind: 'tensor' | 'parameter' | 'dictionary' | 'storage' | 'size';
  readonly dtype: TensorDtype | undefined;

  constructor(kind: Marker['kind'], dtype?: TensorDtype) {
    this.kind = kind;
    this.dtype = dtype;
  }
}

export class Storage {
  readonly key: string;
  readonly dtype: TensorDtype;

  constructor(key: string, dtype: TensorDtype) {
    this.key = key;
    this.dtype = dtype;
  }
}

export class TensorValue {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: number[];
  readonly strides: number[];

  constructor(storage: Storage, offset: number, shape: number[], strides: number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

export class Tuple {
  readonly items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** Everything that a file may name. */
export const markers: ReadonlyMap<string, Marker> = new Map([
  ['collections OrderedDict', new Marker('dictionary')],
  ['torch._utils _rebuild_tensor_v2', new Marker('tensor')],
  ['torch._utils _rebuild_tensor', new Marker('tensor')],
  ['torch._utils _rebuild_parameter', new Marker('parameter')],
  ['torch Size', new Marker('size')],
  ['torch DoubleStorage', new Marker('storage', 'f64')],
  ['torch FloatStorage', new Marker('storage', 'f32')],
  ['torch HalfStorage', new Marker('storage', 'f16')],
  ['torch BFloat16Storage', new Marker('storage', 'bf16')],
  ['torch LongStorage', new Marker('storage', 'i64')],
  ['torch IntStorage', new Marker('storage', 'i32')],
  ['torch ShortStorage', new Marker('storage', 'i16')],
  ['torch CharStorage', new Marker('storage', 'i8')],
  ['torch ByteStorage', new Marker('storage', 'u8')],
  ['torch BoolStorage', new Marker('storage', 'bool')],
]);

function wholeNumbers(value: unknown): number[] | undefined {
  if (!(value instanceof Tuple) || value.items.length > maximumDimensions) return undefined;
  const numbers = value.items.filter(
    (item): item is number => Number.isSafeInteger(item) && Number(item) >= 0,
  );
  return numbers.length === value.items.length ? numbers : undefined;
}

/** A tensor from what PyTorch would rebuild it with; undefined where that is unsound. */
export function tensorOf([storage, offset, ...rest]: readonly unknown[]): TensorValue | undefined {
  const shape = wholeNumbers(rest[0]);
  const strides = wholeNumbers(rest[1]);
  const isSound = storage instanceof Storage && Number.isSafeInteger(offset) && Number(offset) >= 0;
  if (!isSound || !shape || !strides || shape.length !== strides.length) return undefined;
  return new TensorValue(storage, Number(offset), shape, strides);
}
