import { isIPv4, isIPv6 } from 'node:net';

/**
 * What an address leads to. Everything but `public` is closed to outbound requests unless the operator named the host;
 * `metadata` and `never` stay closed even then.
 */
export type AddressKind =
  | 'public'
  | 'private'
  | 'loopback'
  | 'link-local'
  | 'reserved'
  | 'metadata'
  | 'never';

/** 4 or 16 bytes for an address in any spelling that the system's resolver gives; undefined for anything else. */
export function addressBytes(text: string): Uint8Array | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const address = bare.replace(/%.*$/, '');
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  if (!isIPv6(address)) return undefined;
  return ipv6Bytes(address);
}

/** Decides on the bytes, never on the spelling; addresses that wrap an IPv4 one are judged by what they wrap. */
export function addressKind(bytes: Uint8Array): AddressKind {
  if (bytes.length === 4) return ipv4Kind(bytes);
  const wrapped = wrappedIpv4(bytes);
  if (wrapped !== undefined) return ipv4Kind(wrapped);
  return firstMatch(bytes, ipv6Ranges) ?? (((bytes[0] ?? 0) & 0xe0) === 0x20 ? 'public' : 'reserved');
}

type Range = readonly [prefix: readonly number[], bits: number, kind: AddressKind];

const ipv4Ranges: readonly Range[] = [
  // Credentials of cloud machines: AWS, GCP, Azure, ECS, EKS, Alibaba, Oracle, Azure's host agent.
  [[169, 254, 169, 254], 32, 'metadata'],
  [[169, 254, 170, 2], 32, 'metadata'],
  [[169, 254, 170, 23], 32, 'metadata'],
  [[100, 100, 100, 200], 32, 'metadata'],
  [[192, 0, 0, 192], 32, 'metadata'],
  [[168, 63, 129, 16], 32, 'metadata'],
  [[0, 0, 0, 0], 32, 'loopback'],
  [[0], 8, 'never'],
  [[127], 8, 'loopback'],
  [[10], 8, 'private'],
  [[172, 16], 12, 'private'],
  [[192, 168], 16, 'private'],
  [[100, 64], 10, 'private'],
  [[169, 254], 16, 'link-local'],
  [[192, 0, 0], 24, 'reserved'],
  [[192, 0, 2], 24, 'reserved'],
  [[192, 88, 99], 24, 'reserved'],
  [[198, 18], 15, 'reserved'],
  [[198, 51, 100], 24, 'reserved'],
  [[203, 0, 113], 24, 'reserved'],
  [[224], 4, 'never'],
  [[240], 4, 'never'],
];

const ipv6Ranges: readonly Range[] = [
  [[0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54], 128, 'metadata'],
  [[0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23], 128, 'metadata'],
  [[0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54], 128, 'metadata'],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 128, 'loopback'],
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128, 'loopback'],
  [[0x00, 0x64, 0xff, 0x9b, 0x00, 0x01], 48, 'reserved'],
  [[0x01, 0x00], 64, 'never'],
  [[0x20, 0x01, 0x00, 0x00], 32, 'reserved'],
  [[0x20, 0x01, 0x0d, 0xb8], 32, 'reserved'],
  [[0x20, 0x01, 0x00], 23, 'reserved'],
  [[0x3f, 0xff], 20, 'reserved'],
  [[0xfc], 7, 'private'],
  [[0xfe, 0x80], 10, 'link-local'],
  [[0xfe, 0xc0], 10, 'private'],
  [[0xff], 8, 'never'],
];

function ipv4Kind(bytes: Uint8Array): AddressKind {
  return firstMatch(bytes, ipv4Ranges) ?? 'public';
}

function firstMatch(bytes: Uint8Array, ranges: readonly Range[]): AddressKind | undefined {
  return ranges.find(([prefix, bits]) => startsWith(bytes, prefix, bits))?.[2];
}

function startsWith(bytes: Uint8Array, prefix: readonly number[], bits: number): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    if ((((bytes[bit >> 3] ?? 0) ^ (prefix[bit >> 3] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** The IPv4 address inside a mapped, compatible, translated, NAT64 or 6to4 one. */
function wrappedIpv4(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return bytes.subarray(2, 6);
  if (wrappers.some((prefix) => startsWith(bytes, prefix, 96))) return bytes.subarray(12, 16);
  // `::` and `::1` are addresses of their own; the rest of ::/96 is IPv4-compatible.
  const isCompatible = startsWith(bytes, [], 96) && !(startsWith(bytes, [], 120) && (bytes[15] ?? 0) <= 1);
  return isCompatible ? bytes.subarray(12, 16) : undefined;
}

/** Mapped (::ffff:0:0/96), translated (::ffff:0:0:0/96) and NAT64 (64:ff9b::/96). */
const wrappers: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
  [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
  [0x00, 0x64, 0xff, 0x9b],
];

/** Expands a text that `isIPv6` accepted. */
function ipv6Bytes(text: string): Uint8Array {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const hexText = dotted === null ? text : dotted[1] + hexPair(dotted, 2) + ':' + hexPair(dotted, 4);
  const [head = '', tail] = hexText.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return Uint8Array.from(
    [...left, ...zeros, ...right].flatMap((word) => [
      Number.parseInt(word, 16) >> 8,
      Number.parseInt(word, 16),
    ]),
  );
}

function hexPair(match: RegExpExecArray, index: number): string {
  return (Number(match[index]) * 256 + Number(match[index + 1])).toString(16);
}
