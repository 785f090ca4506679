import type { z } from 'zod';
import { AppError, toAppError } from '../contracts/app-error.ts';
import type { ErrorCode } from '../contracts/error-codes.ts';

interface Issue {
  code?: string;
  message?: string;
  path?: readonly PropertyKey[];
  keys?: string[];
}

const rangeCodes = new Set(['too_big', 'too_small', 'not_multiple_of']);

function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part) => String(part))
    .join('.')
    .slice(0, 200);
}

function unknownField(issue: Issue, place: string): AppError {
  const name = fieldName([...(issue.path ?? []), issue.keys?.[0] ?? '?']);
  return new AppError('unknown-field', `${place} has the unknown field "${name}"`, {
    hint: 'Leave it out, or look the name up at /api/docs.',
    details: { field: name },
  });
}

/** A failed check of a request as an error that names the field. */
export function faultOfIssues(issues: readonly Issue[], place: string): AppError {
  const issue = issues[0] ?? {};
  const code = issue.code ?? '';
  if (code === 'unrecognized_keys') return unknownField(issue, place);
  const field = fieldName(issue.path ?? []);
  const named = field === '' ? place : `"${field}" in ${place}`;
  const kind: ErrorCode = rangeCodes.has(code) ? 'value-out-of-range' : 'bad-request';
  const why = (issue.message ?? 'not allowed').slice(0, 300);
  return new AppError(kind, `${named} is not right: ${why}`, { details: { field } });
}

const places: Record<string, string> = {
  body: 'the body',
  querystring: 'the query',
  params: 'the address',
  headers: 'the headers',
};

/** Checks a part of a request with its zod schema; what is wrong is told by field. */
export function compileCheck({ schema, httpPart }: { schema: z.ZodType; httpPart?: string }) {
  return (data: unknown): { value: unknown } | { error: AppError } => {
    const parsed = schema.safeParse(data);
    if (parsed.success) return { value: parsed.data };
    return { error: faultOfIssues(parsed.error.issues, places[httpPart ?? ''] ?? 'the request') };
  };
}

interface FrameworkError extends Error {
  statusCode?: number;
  code?: string;
}

const frameworkCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported-media-type',
};

/** Whatever the framework or a handler threw, as one of ours. */
export function faultOf(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (!(thrown instanceof Error)) return toAppError(thrown);
  const error = thrown as FrameworkError;
  const code = frameworkCodes[error.code ?? ''];
  if (code !== undefined) return new AppError(code, error.message, { cause: error });
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return new AppError('bad-request', error.message, { cause: error });
  return new AppError('internal', 'something went wrong inside the server', {
    hint: 'The log has more under the id of this request.',
    cause: error,
  });
}
