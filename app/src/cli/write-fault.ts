import { AppError } from '../contracts/app-error.ts';

/** Why a file that was asked for is not there: what was written of it is taken away again. */
export function writeFault(path: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const isFull = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new AppError(
    isFull ? 'disk-full' : 'input-output',
    isFull ? `the disk is full: ${path} was not written` : `${path} could not be written to its end`,
    { hint: 'Name a file on another disk, or make room.', cause },
  );
}
