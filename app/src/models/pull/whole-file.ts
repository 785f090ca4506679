import type { ModelRecord } from '../../contracts/models.ts';
import type { ModelsContext } from '../models-context.ts';
import { hashFile } from '../registry/file-bytes.ts';
import { readModelFacts } from '../registry/model-facts.ts';
import { createMeter } from './progress.ts';

interface Looking {
  emit: Parameters<typeof createMeter>[1];
  signal: AbortSignal;
}

/** Whether the file of a model is there with its size and a sound header. Cheap. */
export async function looksWhole(
  { registry }: ModelsContext,
  { sha256, sizeBytes }: ModelRecord,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await readModelFacts(registry.paths.blob(sha256), signal)).sizeBytes === sizeBytes;
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}

/**
 * The same for somebody who asked for the model: where the file is doubted (by the engine, or by whoever asks), every
 * byte of it is read. What is whole then is doubted no longer.
 */
export async function isWhole(
  context: ModelsContext,
  record: ModelRecord,
  work: Looking & { isDoubted?: boolean | undefined },
): Promise<boolean> {
  if (!(await looksWhole(context, record, work.signal))) return false;
  const isDoubted = context.doubts.isDoubted(record.sha256);
  if (work.isDoubted !== true && !isDoubted) return true;
  try {
    const hash = await hashShown(context.registry.paths.blob(record.sha256), record.sizeBytes, work);
    if (hash !== record.sha256) return false;
  } catch (error) {
    // A disk that cannot read it is damage of another kind.
    if (work.signal.aborted) throw error;
    return false;
  }
  // Where nothing was held against it, those who use it just now are left alone.
  if (isDoubted) context.doubts.release(record.sha256);
  return true;
}

/** sha256 of a file, with progress. */
export async function hashShown(path: string, sizeBytes: number, work: Looking): Promise<string> {
  const meter = createMeter('verify', work.emit);
  meter.total(sizeBytes);
  return await hashFile(path, { onProgress: (done) => meter.done(done), signal: work.signal });
}
