import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { uuidv7 } from 'uuidv7';
import { AppError } from '../contracts/app-error.ts';
import { errorBody, familyOf, pathOf, statusFor, type ApiFamily } from './error-answers.ts';
import { commonHeaders, inertPolicy } from './gates/security-headers.ts';
import type { ServerContext } from './server-context.ts';

// Not imported: see build-app.ts.
const { STATUS_CODES } = process.getBuiltinModule('node:http');

export interface EarlyRefusal {
  error: AppError;
  status?: number;
  /** The request has reached the routes, which count and log it when it is answered. */
  isToldElsewhere?: boolean;
}

/** What is answered in front of the routes, in the shape of its family; the connection ends with it. */
export interface EarlyAnswers {
  /** To what was read but for its body. */
  refuse(request: IncomingMessage, response: ServerResponse, refusal: EarlyRefusal): void;
  /** To what Node could not read as a request. */
  refuseBytes(error: Error & { code?: string; rawPacket?: unknown }, socket: Duplex): void;
}

interface Answer {
  status: number;
  headers: Record<string, string | number>;
  body: string;
}

/** Without scheme and host, which a target in absolute form has in front of its path. */
function familyOfTarget(method: string, target: string): ApiFamily {
  const path = pathOf(target).replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '');
  return familyOf(method, path === '' ? '/' : path);
}

/** What a request said that cannot be read any further; of a body in its middle nothing is known. */
const requestLine = /^([A-Z]{1,20}) (\S{1,2048}) HTTP\//;

function familyOfBytes(bytes: unknown): ApiFamily {
  const text = Buffer.isBuffer(bytes) ? bytes.toString('latin1', 0, 4_096) : '';
  const [, method = '', target = ''] = requestLine.exec(text) ?? [];
  return target === '' ? 'native' : familyOfTarget(method, target);
}

function answerOf(family: ApiFamily, { error, status }: { error: AppError; status?: number }): Answer {
  const requestId = uuidv7();
  const body = JSON.stringify(errorBody(family, error, requestId));
  const headers = {
    ...commonHeaders,
    'content-security-policy': inertPolicy,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-request-id': requestId,
    connection: 'close',
  };
  return { status: status ?? statusFor(family, error), headers, body };
}

function refusalOfBytes(code: string | undefined): { error: AppError; status?: number } {
  if (code === 'HPE_HEADER_OVERFLOW')
    return { error: new AppError('bad-request', 'the headers of the request are too long'), status: 431 };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return { error: new AppError('timed-out', 'the request did not come in time'), status: 408 };
  return { error: new AppError('bad-request', 'what came is not a request of HTTP/1.1') };
}

export function createEarlyAnswers({ log, metrics }: Pick<ServerContext, 'log' | 'metrics'>): EarlyAnswers {
  const note = (method: string, { status, headers }: Answer): void => {
    metrics.request({ method, route: 'none', status, ms: 0 });
    log.info({ requestId: headers['x-request-id'], method, route: 'none', status, ms: 0 }, 'request');
  };
  return {
    refuse(request, response, refusal) {
      const { method = 'GET', url = '/' } = request;
      const answer = answerOf(familyOfTarget(method, url), refusal);
      response.writeHead(answer.status, answer.headers);
      response.end(answer.body);
      if (refusal.isToldElsewhere !== true) note(method, answer);
    },
    refuseBytes(error, socket) {
      if (error.code === 'ECONNRESET' || socket.destroyed) return;
      // Browsers open connections ahead, and who breaks an upload off has asked already: neither is a request.
      const isAsked =
        error.code !== 'HPE_INVALID_EOF_STATE' && !('bytesRead' in socket && socket.bytesRead === 0);
      const answer = answerOf(familyOfBytes(error.rawPacket), refusalOfBytes(error.code));
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${lines.join('')}\r\n`;
      if (socket.writable) socket.write(head + answer.body);
      socket.destroy(error);
      if (isAsked) note('none', answer);
    },
  };
}
