import { tensorDtypes } from '../tensor-file.ts';
import { invalidBin, unsafeBin } from './pickle-errors.ts';
import {
  Marker,
  markers,
  Storage,
  tensorOf,
  TensorValue,
  Tuple,
  type PickledTensor,
} from './pickle-values.ts';

/** What a pickle may ask of this reader; a state dictionary of a thousand tensors has 30 000 operations. */
export const pickleLimits = {
  maximumOperations: 5_000_000,
  maximumStackDepth: 100_000,
  maximumMemo: 2_000_000,
  maximumStringBytes: 4096,
  maximumTensors: 100_000,
} as const;

const mark = Symbol('mark');

type Operation = (machine: PickleMachine) => void;

/** A pickle machine that can build dictionaries, lists, tuples, numbers, strings and tensors, and nothing else. */
class PickleMachine {
  readonly name: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  stack: unknown[] = [];
  memo = new Map<number, unknown>();
  isDone = false;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw invalidBin(this.name, 'its pickle ends early');
    this.#at += count;
    return at;
  }

  u8(): number {
    return this.#bytes[this.take(1)] ?? 0;
  }

  u16(): number {
    return this.#view.getUint16(this.take(2), true);
  }

  i32(): number {
    return this.#view.getInt32(this.take(4), true);
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.take(8), false);
  }

  text(length: number): string {
    if (length > pickleLimits.maximumStringBytes)
      throw invalidBin(this.name, 'its pickle holds a very long string');
    const at = this.take(length);
    return Buffer.from(this.#bytes.subarray(at, at + length)).toString('utf8');
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0) throw invalidBin(this.name, 'its pickle ends early');
    const text = this.text(end - this.#at);
    this.take(1);
    return text;
  }

  /** A little-endian two's complement number of some bytes, at most eight. */
  long(): number {
    const length = this.u8();
    if (length > 8) throw invalidBin(this.name, 'its pickle holds a very large number');
    const at = this.take(length);
    let value = 0n;
    for (let index = 0; index < length; index++)
      value |= BigInt(this.#bytes[at + index] ?? 0) << BigInt(8 * index);
    return Number(BigInt.asIntN(Math.max(1, length * 8), value));
  }

  push(value: unknown): void {
    if (this.stack.length >= pickleLimits.maximumStackDepth)
      throw invalidBin(this.name, 'its pickle nests too deeply');
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length === 0) throw invalidBin(this.name, 'its pickle takes what is not there');
    return this.stack.pop();
  }

  popToMark(): unknown[] {
    const at = this.stack.lastIndexOf(mark);
    if (at < 0) throw invalidBin(this.name, 'its pickle takes what is not there');
    return this.stack.splice(at).slice(1);
  }

  remember(key: number): void {
    if (this.memo.size >= pickleLimits.maximumMemo)
      throw invalidBin(this.name, 'its pickle remembers too much');
    this.memo.set(key, this.stack.at(-1));
  }

  recall(key: number): void {
    if (!this.memo.has(key)) throw invalidBin(this.name, 'its pickle recalls what it never stored');
    this.push(this.memo.get(key));
  }

  global(): void {
    const name = `${this.line()} ${this.line()}`;
    const marker = markers.get(name);
    if (!marker)
      throw unsafeBin(this.name, `its pickle names ${name.slice(0, 120)}, which weights do not need`);
    this.push(marker);
  }

  storage(): void {
    const id = this.pop();
    const [kind, type, key] = id instanceof Tuple ? id.items : [];
    if (
      kind !== 'storage' ||
      !(type instanceof Marker) ||
      !type.dtype ||
      typeof key !== 'string' ||
      !/^\d+$/.test(key)
    )
      throw unsafeBin(this.name, 'its pickle refers to something that is not a storage');
    this.push(new Storage(key, type.dtype));
  }

  reduce(): void {
    const parameters = this.pop();
    const callee = this.pop();
    if (!(callee instanceof Marker) || !(parameters instanceof Tuple))
      throw unsafeBin(this.name, 'its pickle calls something');
    this.push(this.build(callee, parameters));
  }

  build(callee: Marker, { items }: Tuple): unknown {
    if (callee.kind === 'dictionary' && items.length === 0) return new Map<unknown, unknown>();
    if (callee.kind === 'size' && items[0] instanceof Tuple) return items[0];
    if (callee.kind === 'parameter' && items[0] instanceof TensorValue) return items[0];
    const tensor = callee.kind === 'tensor' ? tensorOf(items) : undefined;
    if (tensor) return tensor;
    throw invalidBin(this.name, 'its pickle builds something unsound');
  }

  setItems(pairs: readonly unknown[]): void {
    const target = this.stack.at(-1);
    if (!(target instanceof Map) || pairs.length % 2 !== 0)
      throw invalidBin(this.name, 'its pickle fills something that is not a dictionary');
    for (let index = 0; index < pairs.length; index += 2) target.set(pairs[index], pairs[index + 1]);
  }

  append(items: readonly unknown[]): void {
    const target = this.stack.at(-1);
    if (!Array.isArray(target)) throw invalidBin(this.name, 'its pickle fills something that is not a list');
    for (const item of items) target.push(item);
  }

  /** State of a dictionary (its `_metadata`) says nothing about weights and is left out. */
  ignoreState(): void {
    this.pop();
    if (!(this.stack.at(-1) instanceof Map))
      throw unsafeBin(this.name, 'its pickle sets the state of an object');
  }

  run(): unknown {
    for (let count = 0; !this.isDone; count++) {
      if (count >= pickleLimits.maximumOperations)
        throw invalidBin(this.name, 'its pickle has too many operations');
      const code = this.u8();
      const operation = operations.get(code);
      if (!operation)
        throw unsafeBin(
          this.name,
          `its pickle has the operation 0x${code.toString(16)}, which weights do not need`,
        );
      operation(this);
    }
    return this.pop();
  }
}

const tupleOf =
  (count: number): Operation =>
  (machine) => {
    const items = Array.from({ length: count }, () => machine.pop()).toReversed();
    machine.push(new Tuple(items));
  };

/** PyTorch's own list for loading weights only, by the byte that stands for each. */
const operations: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x80, (machine) => void machine.u8()],
  [0x2e, (machine) => void (machine.isDone = true)],
  [0x28, (machine) => machine.push(mark)],
  [0x63, (machine) => machine.global()],
  [0x51, (machine) => machine.storage()],
  [0x52, (machine) => machine.reduce()],
  [0x81, (machine) => machine.reduce()],
  [0x62, (machine) => machine.ignoreState()],
  [0x7d, (machine) => machine.push(new Map<unknown, unknown>())],
  [0x5d, (machine) => machine.push([])],
  [0x29, (machine) => machine.push(new Tuple([]))],
  [0x8f, (machine) => machine.push([])],
  [0x74, (machine) => machine.push(new Tuple(machine.popToMark()))],
  [0x85, tupleOf(1)],
  [0x86, tupleOf(2)],
  [0x87, tupleOf(3)],
  [0x73, (machine) => machine.setItems([machine.pop(), machine.pop()].toReversed())],
  [0x75, (machine) => machine.setItems(machine.popToMark())],
  [0x61, (machine) => machine.append([machine.pop()])],
  [0x65, (machine) => machine.append(machine.popToMark())],
  [0x71, (machine) => machine.remember(machine.u8())],
  [0x72, (machine) => machine.remember(machine.u32())],
  [0x68, (machine) => machine.recall(machine.u8())],
  [0x6a, (machine) => machine.recall(machine.u32())],
  [0x4e, (machine) => machine.push(null)],
  [0x88, (machine) => machine.push(true)],
  [0x89, (machine) => machine.push(false)],
  [0x4a, (machine) => machine.push(machine.i32())],
  [0x4b, (machine) => machine.push(machine.u8())],
  [0x4d, (machine) => machine.push(machine.u16())],
  [0x8a, (machine) => machine.push(machine.long())],
  [0x47, (machine) => machine.push(machine.f64())],
  [0x58, (machine) => machine.push(machine.text(machine.u32()))],
  [0x55, (machine) => machine.push(machine.text(machine.u8()))],
]);

/** Trainers wrap a state dictionary now and then; weights lie one level deeper then. */
function stateOf(root: unknown): Map<unknown, unknown> | undefined {
  if (!(root instanceof Map)) return undefined;
  if ([...root.values()].some((value) => value instanceof TensorValue)) return root;
  const inner: unknown = root.get('state_dict') ?? root.get('model');
  return inner instanceof Map ? inner : root;
}

/** The tensors that a pickled state dictionary describes, in its order. */
export function unpickleStateDict(name: string, bytes: Uint8Array): PickledTensor[] {
  const state = stateOf(new PickleMachine(name, bytes).run());
  if (!state) throw invalidBin(name, 'its pickle is not a dictionary');
  if (state.size > pickleLimits.maximumTensors) throw invalidBin(name, `it has ${state.size} tensors`);
  const tensors: PickledTensor[] = [];
  for (const [key, value] of state) {
    if (!(value instanceof TensorValue)) continue;
    if (typeof key !== 'string' || key === '') throw invalidBin(name, 'a tensor has no name');
    const { storage, offset, shape, strides } = value;
    const bytesInAll = shape.reduce((product, size) => product * size, tensorDtypes[storage.dtype]);
    if (!Number.isSafeInteger(bytesInAll)) throw invalidBin(name, `${key} is larger than any file`);
    tensors.push({
      name: key,
      dtype: storage.dtype,
      storageKey: storage.key,
      storageOffset: offset,
      shape,
      strides,
    });
  }
  return tensors;
}
