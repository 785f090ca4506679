import { AppError } from '../../contracts/app-error.ts';

/** A failure of the file system as an AppError; ours pass unchanged. */
export function toStorageError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('disk-full', 'The disk of CORRAL_HOME is full.', {
      cause: error,
      hint: 'Make room (`corral rm` a model, `corral list` shows sizes) and try again; a pull goes on where it stopped.',
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new AppError('not-permitted', `CORRAL_HOME cannot be written (${code}).`, { cause: error });
  }
  return new AppError('input-output', `Writing to CORRAL_HOME failed (${code || String(error)}).`, {
    cause: error,
  });
}
