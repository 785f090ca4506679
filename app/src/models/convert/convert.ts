import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../contracts/app-error.ts';
import { planConversion, type ConversionPlan } from './conversion-plan.ts';
import { Conversion } from './conversion.ts';
import type { ConvertOptions, ConvertProgress, WeightShard } from './convert-types.ts';
import { abortReason, fileError } from './file-errors.ts';

const progressIntervalMs = 200;

/** Yields progress while a promise is open, then rejects or ends with it. */
async function* during(
  work: Promise<unknown>,
  now: () => Promise<ConvertProgress>,
): AsyncGenerator<ConvertProgress> {
  const state = { isOpen: true };
  const ended = work.then(
    () => (state.isOpen = false),
    () => (state.isOpen = false),
  );
  while (state.isOpen) {
    await Promise.race([ended, sleep(progressIntervalMs)]);
    yield await now();
  }
  await work;
}

/** The plan, after files that cannot be read from front to back were brought to this machine. */
async function planOverHere(options: ConvertOptions): Promise<ConversionPlan> {
  const plan = await planConversion(options);
  const { scatteredFiles } = plan.summary;
  const [first] = scatteredFiles;
  if (first === undefined) return plan;
  if (!options.bringHere)
    throw new AppError('model-unsupported', `The tensors of ${first} do not lie in order in the file.`, {
      hint: 'Download the repository and import its folder: files on this machine can be read in any order.',
    });
  const here = new Map<string, WeightShard>();
  for (const name of scatteredFiles) here.set(name, await options.bringHere(name));
  const shard = async (name: string): Promise<WeightShard> => here.get(name) ?? options.base.shard(name);
  return await planConversion({ ...options, base: { ...options.base, shard } });
}

/**
 * Makes one quantised GGUF of a Hugging Face repository and its adapters, in one pass over the weights.
 * The same input gives the same bytes. Leaving the loop, aborting, or a crash leaves what is done; the next call with the
 * same input goes on from there. Rejects with `AppError`s only; after one that no retry can mend, nothing is left behind.
 */
export async function* convert(options: ConvertOptions): AsyncGenerator<ConvertProgress> {
  const plan = await planOverHere(options).catch((error: unknown) => {
    throw options.signal?.aborted ? abortReason(options.signal) : fileError(error);
  });
  const conversion = new Conversion(options, plan);
  let failure: unknown = new AppError('cancelled', 'The conversion was left.');
  try {
    await conversion.prepare();
    yield { type: 'plan', summary: plan.summary, resumedBytes: conversion.progress.doneBytes };
    for (const message of plan.summary.notes) yield { type: 'note', message };
    yield* during(conversion.work(), async () => {
      await conversion.syncIfDue();
      return conversion.progress.now();
    });
    const finishing = conversion.finish();
    yield* during(finishing, () =>
      Promise.resolve({
        type: 'progress',
        phase: 'verify',
        doneBytes: conversion.verifiedBytes,
        totalBytes: plan.layout.sizeBytes,
      }),
    );
    failure = undefined;
    yield { type: 'done', result: await finishing };
  } catch (error) {
    failure = options.signal?.aborted ? abortReason(options.signal) : fileError(error);
    throw failure;
  } finally {
    if (failure !== undefined) await conversion.abandon(failure);
  }
}
