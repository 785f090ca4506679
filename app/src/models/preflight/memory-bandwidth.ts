import { setImmediate as nextTurn } from 'node:timers/promises';

let measured: Promise<number> | undefined;

/** Large enough to leave most caches, small enough for a machine with little memory. */
const blockBytes = 48 << 20;
const rounds = 5;

/**
 * Bytes of memory that one core moves in a second; measured once, in some 50 ms with room for others in between. Every
 * token reads every weight once, so this divided by the model's size is about how many tokens a second can come.
 */
function memoryBandwidth(): Promise<number> {
  measured ??= measure();
  return measured;
}

async function measure(): Promise<number> {
  const from = Buffer.alloc(blockBytes, 1);
  const to = Buffer.alloc(blockBytes, 2);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    from.copy(to);
    best = Math.min(best, performance.now() - started);
    await nextTurn();
  }
  // A copy reads and writes.
  return (2 * blockBytes * 1000) / best;
}

/** What a token costs beside reading the weights: sampling, threads that meet, text. */
const fixedSeconds = 0.0005;

/** Rounded to two digits: it is an estimate and should look like one. */
export async function expectedTokensPerSecond(weightsBytes: number): Promise<number> {
  return Number((1 / (weightsBytes / (await memoryBandwidth()) + fixedSeconds)).toPrecision(2));
}
