let measured: number | undefined;

/** Large enough to leave most caches, small enough for a machine with little memory. */
const blockBytes = 48 << 20;
const rounds = 5;

/**
 * Bytes of memory that one core moves in a second; measured once, in some 50 ms. Every token reads every weight once,
 * so this divided by the model's size is about how many tokens a second can come.
 */
export function memoryBandwidth(): number {
  if (measured !== undefined) return measured;
  const from = Buffer.alloc(blockBytes, 1);
  const to = Buffer.alloc(blockBytes, 2);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    from.copy(to);
    best = Math.min(best, performance.now() - started);
  }
  // A copy reads and writes.
  measured = (2 * blockBytes * 1000) / best;
  return measured;
}

/** What a token costs beside reading the weights: sampling, threads that meet, text. */
const fixedSeconds = 0.0005;

/** Rounded to two digits: it is an estimate and should look like one. */
export function expectedTokensPerSecond(weightsBytes: number): number {
  return Number((1 / (weightsBytes / memoryBandwidth() + fixedSeconds)).toPrecision(2));
}
