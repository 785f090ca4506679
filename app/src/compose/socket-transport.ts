import { request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Transport } from '../cli/api.ts';
import type { LockHolder } from '../config/home-lock.ts';
import { AppError } from '../contracts/app-error.ts';

/**
 * Exchanges with the server that holds this CORRAL_HOME, on this machine. The certificate of `--https` is usually
 * made by that server itself; that it is the right one is shown by the lock file, which only this user can read.
 */
export function createSocketTransport(holder: Required<Pick<LockHolder, 'address' | 'token'>>): Transport {
  const base = new URL(holder.address);
  const send = base.protocol === 'https:' ? secureRequest : plainRequest;
  return async (method, path, { headers, body, signal }) => {
    const options: RequestOptions & { rejectUnauthorized: boolean } = {
      method,
      headers: { ...headers, authorization: `Bearer ${holder.token}` },
      rejectUnauthorized: false,
      // A fresh one: the global agent asks a proxy under NODE_USE_ENV_PROXY, which would get the token to read.
      agent: false,
      ...(signal ? { signal } : {}),
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const exchange = send(new URL(path, base), options, resolve);
      exchange.on('error', (cause) => reject(unreachable(holder.address, cause)));
      exchange.end(body);
    });
    return { status: answer.statusCode ?? 500, body: answer };
  };
}

function unreachable(address: string, cause: Error): AppError {
  return new AppError('input-output', `the server at ${address} does not answer: ${cause.message}`, {
    hint: 'Stop it and start it again.',
    cause,
  });
}
