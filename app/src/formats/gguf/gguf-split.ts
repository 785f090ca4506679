import { AppError } from '../../contracts/app-error.ts';
import type { ByteSource } from '../byte-source.ts';
import { ggufNumber, padTo, ggufDefaultAlignment, type GgufFile } from './gguf-types.ts';
import { layOutEncoded, type EncodedEntries } from './gguf-writer.ts';

/** llama.cpp's own files have below 100 parts; more would keep as many files open. */
export const maximumGgufParts = 1000;

export interface GgufPart {
  source: ByteSource;
  file: GgufFile;
}

/** Bytes of a part and their place in the whole. */
export interface GgufCopy {
  from: number;
  to: number;
  sizeBytes: number;
}

export interface GgufJoin {
  header: Uint8Array;
  /** What is copied out of each part, in the order of the parts. */
  copies: GgufCopy[][];
  sizeBytes: number;
}

/** How many files the model is spread over, as this one says; 1 for a file that is whole. */
export function partCount(file: GgufFile): number {
  return ggufNumber(file.metadata, 'split.count') ?? 1;
}

function badParts(name: string, why: string): AppError {
  return new AppError('model-file-invalid', `${name} and its other parts are not one model: ${why}.`, {
    hint: 'Fetch all parts again, or choose another quantisation.',
  });
}

/** The model as one file would describe it; refuses parts that are missing, foreign, doubled or out of order. */
export function wholeOf(parts: readonly GgufPart[]): GgufFile {
  const [first] = parts;
  if (!first) throw new AppError('internal', 'A model needs one part at least.');
  if (parts.length === 1 && partCount(first.file) <= 1) return first.file;
  for (const [index, { source, file }] of parts.entries()) {
    const [number, count] = [ggufNumber(file.metadata, 'split.no'), partCount(file)];
    if (number !== index || count !== parts.length)
      throw badParts(
        source.name,
        `it is part ${(number ?? 0) + 1} of ${count} in the place of ${index + 1} of ${parts.length}`,
      );
  }
  const tensors = parts.flatMap(({ file }) => file.tensors);
  const stated = ggufNumber(first.file.metadata, 'split.tensors.count');
  if (stated !== undefined && stated !== tensors.length)
    throw badParts(first.source.name, `they hold ${tensors.length} tensors of ${stated}`);
  if (new Set(tensors.map(({ name }) => name)).size !== tensors.length)
    throw badParts(first.source.name, 'a tensor occurs in two of them');
  return { ...first.file, tensors };
}

/** The entries of the first part as they stand, without what is true of a part only. */
async function entriesOf({ source, file }: GgufPart): Promise<EncodedEntries> {
  const kept = [...file.entryPlaces].filter(
    ([key]) => !key.startsWith('split.') && key !== 'general.alignment',
  );
  const pieces: Uint8Array[] = [];
  for (const [, { offset, sizeBytes }] of kept) pieces.push(await source.read(offset, sizeBytes));
  return { count: kept.length, bytes: Buffer.concat(pieces) };
}

/** Copies that follow each other in both files become one. */
function merged(copies: readonly GgufCopy[]): GgufCopy[] {
  const out: GgufCopy[] = [];
  for (const copy of copies) {
    const last = out.at(-1);
    const padded = last && padTo(last.sizeBytes, ggufDefaultAlignment);
    if (last && padded !== undefined && last.from + padded === copy.from && last.to + padded === copy.to)
      last.sizeBytes = padded + copy.sizeBytes;
    else out.push({ ...copy });
  }
  return out;
}

/** How the parts of a split model become one file: its header, and what goes where. */
export async function planJoin(parts: readonly GgufPart[]): Promise<GgufJoin> {
  const whole = wholeOf(parts);
  const [first] = parts as [GgufPart];
  const layout = layOutEncoded(await entriesOf(first), whole.tensors);
  const targets = layout.tensors.values();
  const copies = parts.map(({ file }) =>
    merged(
      file.tensors.map(({ offset, sizeBytes }) => ({
        from: offset,
        to: targets.next().value?.offset ?? 0,
        sizeBytes,
      })),
    ),
  );
  return { header: layout.header, copies, sizeBytes: layout.sizeBytes };
}
