import type { IncomingMessage, ServerResponse } from 'node:http';
import { uuidv7 } from 'uuidv7';
import type { AppError } from '../contracts/app-error.ts';
import { errorBody, familyOf, pathOf, statusFor } from './error-answers.ts';
import { commonHeaders, inertPolicy } from './gates/security-headers.ts';

/** Answers in front of the routes, after which the connection ends: the request was not read to its end. */
export function refuseEarly(
  request: IncomingMessage,
  response: ServerResponse,
  { error, status }: { error: AppError; status?: number },
): void {
  const family = familyOf(request.method ?? 'GET', pathOf(request.url ?? '/'));
  const requestId = uuidv7();
  const body = JSON.stringify(errorBody(family, error, requestId));
  response.writeHead(status ?? statusFor(family, error), {
    ...commonHeaders,
    'content-security-policy': inertPolicy,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-request-id': requestId,
    connection: 'close',
  });
  response.end(body);
}
