/**
 * A number in [0, 1) that depends on nothing but the seed and the position of the token, so that a resumed or
 * replayed run draws what it would have drawn. Three rounds of a 32-bit mixer over a Weyl sequence of each word.
 */
export function drawAt(seed: number, position: number): number {
  const high = mix(mix(seed ^ 0x9e37_79b9) ^ Math.imul(position, 0x85eb_ca6b) ^ 0x243f_6a88);
  const low = mix(mix(high + position + 0x7f4a_7c15) ^ seed);
  return ((high >>> 0) * 0x20_0000 + (low >>> 11)) / 0x20_0000_0000_0000;
}

function mix(word: number): number {
  let x = word | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0_aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a_2d97);
  return x ^ (x >>> 15);
}
