import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';

const codes: Readonly<Record<string, { code: ErrorCode; message: string; hint: string }>> = {
  ENOSPC: {
    code: 'disk-full',
    message: 'The disk is full.',
    hint: 'Free some space; what is converted so far is kept and the next run goes on from it.',
  },
  EDQUOT: {
    code: 'disk-full',
    message: 'The disk quota is used up.',
    hint: 'Free some space; what is converted so far is kept and the next run goes on from it.',
  },
  EACCES: { code: 'not-permitted', message: 'A file may not be opened.', hint: 'Check who owns the folder.' },
  EPERM: { code: 'not-permitted', message: 'A file may not be opened.', hint: 'Check who owns the folder.' },
  EROFS: { code: 'not-permitted', message: 'The disk is read-only.', hint: 'Choose another folder.' },
  EFBIG: {
    code: 'input-output',
    message: 'The file system takes no file that large.',
    hint: 'FAT ends at 4 GB and a limit of this user (`ulimit -f`) may be lower; set CORRAL_HOME to another disk.',
  },
  EIO: {
    code: 'input-output',
    message: 'The disk reported an error.',
    hint: 'Check the disk, then try again.',
  },
};

/** What the operating system says about files, as one of our errors. */
export function fileError(error: unknown): AppError {
  const known = error instanceof Error ? codes[(error as NodeJS.ErrnoException).code ?? ''] : undefined;
  if (!known) return toAppError(error);
  return new AppError(known.code, known.message, { hint: known.hint, cause: error });
}

/** Why a signal was raised, as an error of ours. */
export function abortReason(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  return reason instanceof AppError ? reason : new AppError('cancelled', 'The conversion was stopped.');
}
