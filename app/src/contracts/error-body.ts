import { z } from 'zod';
import type { ErrorBody } from './app-error.ts';
import { errorCodes, type ErrorCode } from './error-codes.ts';

/** An error on the wire. */
export const errorBodySchema: z.ZodType<ErrorBody> = z.strictObject({
  code: z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});
