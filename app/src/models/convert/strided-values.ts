import { readSync } from 'node:fs';
import { AppError } from '../../contracts/app-error.ts';
import { valueCount, type StoredTensor } from '../../formats/tensor-file.ts';

/** How far apart a matrix's neighbours lie, in values, where they do not lie one after the other. */
export interface Strides {
  row: number;
  column: number;
}

export interface StridedMatrix {
  descriptor: number;
  /** Of the first value, from the start of the file. */
  offset: number;
  rows: number;
  columns: number;
  strides: Strides;
  valueBytes: number;
}

/** A vector counts as a matrix of one column; tensors of more dimensions occur in no family that is converted. */
export function stridesOf({ name, shape, strides }: StoredTensor): Strides | undefined {
  if (!strides || valueCount(shape) === 0) return undefined;
  if (shape.length > 2) throw new AppError('model-unsupported', `${name} is stored out of order.`);
  return { row: strides[0] ?? 1, column: strides[1] ?? 1 };
}

/** Reads until `target` is full; the file may not end before. */
export function readFully(descriptor: number, target: Uint8Array, offset: number): void {
  for (let done = 0; done < target.length;) {
    const read = readSync(descriptor, target, done, target.length - done, offset + done);
    if (read === 0) throw new AppError('file-invalid', 'A file of weights became shorter while it was read.');
    done += read;
  }
}

type Words = Uint16Array | Uint32Array;

function wordsOf(bytes: Uint8Array, valueBytes: number): Words {
  const Kind = valueBytes === 2 ? Uint16Array : Uint32Array;
  return new Kind(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / valueBytes);
}

/**
 * Fills `target` with the matrix row by row, reading in the longest runs that the file has: rows of a slice, columns of a
 * transposed matrix, single values of anything else. Memory is one run, whatever the strides.
 */
export function gatherMatrix(target: Uint8Array, matrix: StridedMatrix): void {
  const { descriptor, offset, rows, columns, strides, valueBytes } = matrix;
  const placeOf = (row: number, column: number): number =>
    offset + (row * strides.row + column * strides.column) * valueBytes;
  if (strides.column === 1 || columns === 1) {
    const rowBytes = columns * valueBytes;
    for (let row = 0; row < rows; row++)
      readFully(descriptor, target.subarray(row * rowBytes, (row + 1) * rowBytes), placeOf(row, 0));
    return;
  }
  const runRows = strides.row === 1 ? rows : 1;
  const run = new Uint8Array(runRows * valueBytes);
  const [words, values] = [wordsOf(target, valueBytes), wordsOf(run, valueBytes)];
  for (let first = 0; first < rows; first += runRows)
    for (let column = 0; column < columns; column++) {
      readFully(descriptor, run, placeOf(first, column));
      for (let row = 0; row < runRows; row++) words[(first + row) * columns + column] = values[row] ?? 0;
    }
}
