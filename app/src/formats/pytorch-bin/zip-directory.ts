import { endsEarly, type ByteSource } from '../byte-source.ts';
import { invalidBin, unsafeBin } from './pickle-errors.ts';

/** What the directory of a zip file may ask of this reader. */
export const zipLimits = {
  /** One entry for each tensor: the largest shards have some thousands. */
  maximumEntries: 100_000,
  /** At about 100 bytes an entry. */
  maximumDirectoryBytes: 32 * 1024 * 1024,
  maximumNameBytes: 1024,
} as const;

export interface ZipEntry {
  name: string;
  sizeBytes: number;
  headerOffset: number;
}

const endMark = 0x06054b50;
const end64Mark = 0x06064b50;
const locatorMark = 0x07064b50;
const entryMark = 0x02014b50;
const localMark = 0x04034b50;

/** The end record is within the last 64 kB; the 64-bit one right before it. */
const tailBytes = 22 + 65_535 + 20;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function safeNumber(name: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidBin(name, 'an offset is larger than any file');
  return Number(value);
}

interface Directory {
  entries: number;
  sizeBytes: number;
  offset: number;
}

async function findDirectory(source: ByteSource, signal?: AbortSignal): Promise<Directory> {
  const { name, sizeBytes } = source;
  const from = Math.max(0, sizeBytes - tailBytes);
  const tail = viewOf(await source.read(from, sizeBytes - from, signal));
  for (let at = tail.byteLength - 22; at >= 0; at--) {
    if (tail.getUint32(at, true) !== endMark) continue;
    const directory = {
      entries: tail.getUint16(at + 10, true),
      sizeBytes: tail.getUint32(at + 12, true),
      offset: tail.getUint32(at + 16, true),
    };
    const is64 =
      directory.entries === 0xffff || directory.sizeBytes === 0xffffffff || directory.offset === 0xffffffff;
    if (!is64) return directory;
    if (at < 20 || tail.getUint32(at - 20, true) !== locatorMark)
      throw invalidBin(name, 'its 64-bit directory is missing');
    return await readDirectory64(source, safeNumber(name, tail.getBigUint64(at - 12, true)), signal);
  }
  throw invalidBin(name, 'it has no directory');
}

async function readDirectory64(source: ByteSource, offset: number, signal?: AbortSignal): Promise<Directory> {
  const record = viewOf(await readInside(source, offset, 56, signal));
  if (record.getUint32(0, true) !== end64Mark)
    throw invalidBin(source.name, 'its 64-bit directory is missing');
  return {
    entries: safeNumber(source.name, record.getBigUint64(32, true)),
    sizeBytes: safeNumber(source.name, record.getBigUint64(40, true)),
    offset: safeNumber(source.name, record.getBigUint64(48, true)),
  };
}

async function readInside(
  source: ByteSource,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (offset < 0 || offset + length > source.sizeBytes)
    throw endsEarly(source.name, offset, length, source.sizeBytes);
  return await source.read(offset, length, signal);
}

/** The 64-bit sizes of an entry whose 32-bit fields are full, in the order in which they are full. */
function extra64(name: string, extra: DataView, wanted: number): bigint[] {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const length = extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) === 1) {
      if (length < wanted * 8 || at + 4 + wanted * 8 > extra.byteLength) break;
      return Array.from({ length: wanted }, (_, index) => extra.getBigUint64(at + 4 + index * 8, true));
    }
    at += 4 + length;
  }
  throw invalidBin(name, 'an entry lacks its 64-bit sizes');
}

interface ReadEntry {
  entry: ZipEntry;
  nextAt: number;
}

function readEntry(source: ByteSource, view: DataView, at: number): ReadEntry {
  const { name: file } = source;
  if (at + 46 > view.byteLength || view.getUint32(at, true) !== entryMark)
    throw invalidBin(file, 'its directory is damaged');
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const nextAt = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
  if (nextAt > view.byteLength || nameLength > zipLimits.maximumNameBytes)
    throw invalidBin(file, 'its directory is damaged');
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at + 46, nameLength);
  const name = Buffer.from(bytes).toString('utf8');
  if ((view.getUint16(at + 8, true) & 1) !== 0) throw unsafeBin(file, 'it is encrypted');
  const stored = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const offset = view.getUint32(at + 42, true);
  const full = [size, stored, offset].map((value) => value === 0xffffffff);
  const extra = new DataView(view.buffer, view.byteOffset + at + 46 + nameLength, extraLength);
  const wide = full.includes(true) ? extra64(file, extra, full.filter(Boolean).length) : [];
  const [realSize, realStored, realOffset] = [size, stored, offset].map((value, index) =>
    full[index] ? safeNumber(file, wide.shift() ?? 0n) : value,
  ) as [number, number, number];
  if (view.getUint16(at + 10, true) !== 0 || realStored !== realSize)
    throw unsafeBin(file, `its entry ${name.slice(0, 80)} is compressed, which PyTorch never does`);
  return { entry: { name, sizeBytes: realSize, headerOffset: realOffset }, nextAt };
}

/** The entries of a zip file by name. Compressed and encrypted ones are refused, and names that occur twice. */
export async function readZipDirectory(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<Map<string, ZipEntry>> {
  const { name } = source;
  if (source.sizeBytes < 4) throw invalidBin(name, 'it is too short');
  const start = viewOf(await source.read(0, 4, signal));
  if (start.getUint8(0) === 0x80)
    throw unsafeBin(name, 'it is a bare pickle, as PyTorch wrote before version 1.6');
  if (source.sizeBytes < 22 || start.getUint32(0, true) !== localMark)
    throw invalidBin(name, 'it is not a zip file');
  const directory = await findDirectory(source, signal);
  if (directory.entries > zipLimits.maximumEntries || directory.sizeBytes > zipLimits.maximumDirectoryBytes)
    throw invalidBin(name, 'its directory is very large');
  const view = viewOf(await readInside(source, directory.offset, directory.sizeBytes, signal));
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let index = 0; index < directory.entries; index++) {
    const { entry, nextAt } = readEntry(source, view, at);
    if (entries.has(entry.name)) throw unsafeBin(name, `it has two entries ${entry.name.slice(0, 80)}`);
    entries.set(entry.name, entry);
    at = nextAt;
  }
  return entries;
}

/** Where the bytes of an entry begin: its local header, which the directory does not describe fully, comes first. */
export async function zipDataOffset(
  source: ByteSource,
  entry: ZipEntry,
  signal?: AbortSignal,
): Promise<number> {
  const header = viewOf(await readInside(source, entry.headerOffset, 30, signal));
  if (header.getUint32(0, true) !== localMark) throw invalidBin(source.name, 'an entry has no header');
  const offset = entry.headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (offset + entry.sizeBytes > source.sizeBytes)
    throw invalidBin(source.name, 'an entry ends behind the file');
  return offset;
}
