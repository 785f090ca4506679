import { AppError } from '../contracts/app-error.ts';

/** Codes of Node and undici that mean: waited too long. */
const timeoutCodes = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

const reasons: Record<string, string> = {
  ENOTFOUND: 'its name is not known here (is this machine offline?)',
  EAI_AGAIN: 'names cannot be resolved now (is this machine offline?)',
  ENETUNREACH: 'the network cannot be reached (is this machine offline?)',
  EHOSTUNREACH: 'the host cannot be reached',
  ECONNREFUSED: 'nothing answers there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was shorter than announced',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** Codes after which nothing at all was reachable, not only this host. */
const offlineCodes = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH']);

/**
 * Any failure of a request as an AppError: ours unchanged, `cancelled` where the caller's signal ended it, `timed-out`,
 * else `network-failed` with `details.reason` (the system's code) and `details.offline`. Never holds a query string.
 */
export function toNetworkError(
  error: unknown,
  host: string,
  { signal, isProxied = false }: { signal?: AbortSignal | undefined; isProxied?: boolean } = {},
): AppError {
  const ours = findAppError(error);
  if (ours !== undefined) return ours;
  if (signal?.aborted === true) {
    return new AppError('cancelled', `The request to ${host} was cancelled.`, { cause: error });
  }
  const code = codeOf(error);
  if (timeoutCodes.has(code) || (error instanceof Error && error.name === 'TimeoutError')) {
    return new AppError('timed-out', `${host} took too long to answer.`, { cause: error, details: { host } });
  }
  return new AppError('network-failed', `${host} cannot be reached: ${reasonOf(error, code)}.`, {
    cause: error,
    hint: isProxied
      ? 'Check the network and the proxy that HTTPS_PROXY or HTTP_PROXY names; NO_PROXY lists hosts to ask without it.'
      : 'Check the network and the address, then try again.',
    details: { host, reason: code, offline: offlineCodes.has(code) },
  });
}

/** undici says what a proxy answered to CONNECT in words only. */
const refusedTunnel = /Proxy response \((\d{3})\)/;

function reasonOf(error: unknown, code: string): string {
  const status = error instanceof Error ? refusedTunnel.exec(error.message)?.[1] : undefined;
  if (status !== undefined) return `its proxy answered ${status}`;
  return reasons[code] ?? (code === '' ? 'the connection failed' : `the connection failed (${code})`);
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((code) => code !== '') ?? '';
  if (!(error instanceof Error)) return '';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code === '' && error.cause !== undefined ? codeOf(error.cause) : code;
}

function findAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  if (error instanceof AggregateError) {
    return error.errors.map(findAppError).find((found) => found !== undefined);
  }
  return error instanceof Error && error.cause !== undefined ? findAppError(error.cause) : undefined;
}
