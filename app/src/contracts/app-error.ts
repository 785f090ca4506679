import { errorCodes, type ErrorCode } from './error-codes.ts';

export interface AppErrorOptions {
  /** What to do about it, as one sentence. */
  hint?: string;
  /** Figures and names a program may use; never a secret, never message text. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** The shape of an error on the wire (native API, `--json`, engine child). */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  hint?: string;
  details?: Record<string, unknown>;
}

/**
 * The one error of this program. `message` says what happened and why, `hint` what to do.
 * Adapters translate foreign errors at their border and keep them as `cause`.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }

  /** Whether the same request may succeed soon without a change; `details.final` says that it will not this time. */
  get isRetryable(): boolean {
    return errorCodes[this.code].retry && this.details?.['final'] !== true;
  }

  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.details === undefined ? {} : { details: this.details }),
    };
  }

  static fromJSON(body: ErrorBody): AppError {
    const known = body.code in errorCodes ? body.code : 'internal';
    return new AppError(known, body.message, {
      ...(body.hint === undefined ? {} : { hint: body.hint }),
      ...(body.details === undefined ? {} : { details: body.details }),
    });
  }
}

/** Any thrown value as an AppError; what is not ours becomes `internal` and keeps its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AppError('internal', message, { cause: error });
}
