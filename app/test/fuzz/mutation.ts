import * as fc from 'fast-check';

/** Numbers that lengths, counts and offsets go wrong at. */
const edges = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff];

interface Change {
  kind: 'flip' | 'number' | 'insert' | 'cut' | 'double' | 'word' | 'splice';
  /** A place as a share of the length, from 0 to below 1; squared, since headers are in front. */
  at: number;
  value: number;
}

/** So many different shares of a length. */
const places = 2 ** 30;

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('flip', 'number', 'insert', 'cut', 'double', 'word', 'splice'),
  // Not `fc.double`: it takes each representable number alike, and nearly all of those are next to zero.
  at: fc.noBias(fc.nat(places - 1)).map((place) => (place / places) ** 2),
  value: fc.nat(0xffff),
});

/** Mostly one, so that what follows the damage is looked at as well. */
const changes = fc.oneof(
  { weight: 3, arbitrary: fc.array(change, { minLength: 1, maxLength: 1 }) },
  { weight: 1, arbitrary: fc.array(change, { maxLength: 8 }) },
);

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function applied(bytes: Uint8Array, { kind, at, value }: Change, known: Known): Uint8Array {
  const place = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  const word = known.words[value % Math.max(1, known.words.length)] ?? '';
  const other = known.seeds[value % known.seeds.length] ?? bytes;
  switch (kind) {
    case 'flip': {
      // A Buffer's own `slice` would be a view of the seed.
      const copy = new Uint8Array(bytes);
      if (place < copy.length) copy[place] = (copy[place] ?? 0) ^ (1 << (value % 8));
      return copy;
    }
    case 'number': {
      const number = Buffer.alloc(8);
      number.writeUInt32LE(edges[value % edges.length] ?? 0);
      if (value > 0x7fff) number.writeUInt32LE(0xffffffff, 4);
      return joined(
        before,
        number.subarray(0, [1, 2, 4, 8][value % 4]),
        after.subarray([1, 2, 4, 8][value % 4] ?? 1),
      );
    }
    case 'insert':
      return joined(before, new Uint8Array(value % 64).fill(value >> 8), after);
    case 'cut':
      return joined(before, after.subarray(value % 64));
    case 'double':
      return joined(before, after.subarray(0, value % 256), after);
    case 'word':
      return joined(before, Buffer.from(word.repeat(1 + (value % 3))), after);
    case 'splice':
      return joined(before, other.subarray(Math.floor(at * other.length)));
  }
}

interface Known {
  seeds: readonly Uint8Array[];
  words: readonly string[];
}

/** Sound inputs with some things changed, and now and then noise alone. */
export function mutations(known: Known): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .tuple(fc.nat(known.seeds.length - 1), changes)
    .map(([index, chosen]) =>
      chosen.reduce((bytes, one) => applied(bytes, one, known), known.seeds[index] ?? new Uint8Array()),
    );
  return fc.oneof(
    { weight: 20, arbitrary: changed },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  );
}
