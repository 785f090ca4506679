import { AppError } from '../contracts/app-error.ts';
import type { ErrorCode } from '../contracts/error-codes.ts';

interface Reason {
  code: ErrorCode;
  why: string;
  hint: string;
}

const notPermitted: Reason = {
  code: 'not-permitted',
  why: 'this user may not write there',
  hint: 'Name a file in a folder of your own.',
};

const reasons: Readonly<Record<string, Reason>> = {
  ENOSPC: {
    code: 'disk-full',
    why: 'the disk is full',
    hint: 'Name a file on another disk, or make room.',
  },
  ENOENT: {
    code: 'input-output',
    why: 'that folder is not there',
    hint: 'Make the folder, or name a file in another one.',
  },
  ENOTDIR: {
    code: 'input-output',
    why: 'a part of the path is a file',
    hint: 'Name a file in a folder.',
  },
  EACCES: notPermitted,
  EPERM: notPermitted,
  EROFS: {
    code: 'not-permitted',
    why: 'that disk is read-only',
    hint: 'Name a file on another disk.',
  },
};

/** Why a file that was asked for is not there: what was written of it is taken away again. */
export function writeFault(path: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const reason = reasons[(cause as NodeJS.ErrnoException).code ?? ''];
  if (reason !== undefined)
    return new AppError(reason.code, `${reason.why}: ${path} was not written`, { hint: reason.hint, cause });
  return new AppError('input-output', `${path} could not be written to its end`, {
    hint: 'Name a file on another disk, or make room.',
    cause,
  });
}
