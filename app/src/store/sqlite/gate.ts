/** Shut until one thread opens it; the others stand still before it, which costs them nothing. */
export type Gate = Int32Array<SharedArrayBuffer>;

export function createGate(): Gate {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

export function openGate(gate: Gate): void {
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
}

export function passGate(gate: Gate): void {
  Atomics.wait(gate, 0, 0);
}
