import { AsyncLocalStorage } from 'node:async_hooks';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { BodyOf, ParamsOf, QueryOf, ResponseOf, RouteContract } from '../contracts/api/route.ts';
import type { AccessQuestion, Principal } from './gates/access.ts';
import type { JsonLimits } from './json-body.ts';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    /** `public` needs no key. Absent: the key, so that a new route is closed until somebody opens it. */
    access?: 'public' | 'key';
    /** Absent: those of an ordinary call. */
    jsonLimits?: JsonLimits;
  }
}

type HeadersOf<Contract extends RouteContract> = Contract['headers'] extends { _output: infer Headers }
  ? Headers
  : Record<string, never>;

export interface Asked<Contract extends RouteContract> {
  owner: string;
  params: ParamsOf<Contract>;
  query: QueryOf<Contract>;
  body: BodyOf<Contract>;
  headers: HeadersOf<Contract>;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
  request: FastifyRequest;
  reply: FastifyReply;
}

/** Without a schema of the answer nothing is sent, or the handler sent it itself. */
type AnswerOf<Contract extends RouteContract> = Contract['response'] extends z.ZodType
  ? ResponseOf<Contract>
  : unknown;

export type Handler<Contract extends RouteContract> = (
  asked: Asked<Contract>,
) => Promise<AnswerOf<Contract>> | AnswerOf<Contract>;

/** Set while a command asks inside its own process: aborted when that command is stopped. */
export const askingCommand = new AsyncLocalStorage<AbortSignal>();

/**
 * Aborted when nobody waits for the answer any more: its connection ended, or the command that asked was stopped. To be
 * asked for before anything is waited for: a connection that ended meanwhile says so once, and only to whoever listens.
 */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (reply.raw.destroyed) controller.abort();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  const command = askingCommand.getStore();
  return command ? AbortSignal.any([command, controller.signal]) : controller.signal;
}

/** What the gates look at. */
export function questionOf({ raw }: FastifyRequest): AccessQuestion {
  return { headers: raw.headers, remoteAddress: raw.socket.remoteAddress ?? '' };
}

export function ownerOf(request: FastifyRequest): string {
  if (request.principal === null) throw new Error('a route that needs an owner was made public');
  return request.principal.owner;
}

function schemaOf(contract: RouteContract): Record<string, unknown> {
  const { params, query, body, headers, response, produces, summary, tag, status } = contract;
  return {
    summary,
    tags: [tag],
    ...(params && { params }),
    ...(query && { querystring: query }),
    ...(body && { body }),
    ...(headers && { headers }),
    ...(response && { response: { [status]: response } }),
    ...(produces && { produces: [produces] }),
  };
}

/** Serves one address of the contract; what the handler gives is the answer. */
export function serveRoute<const Contract extends RouteContract>(
  app: FastifyInstance,
  contract: Contract,
  handler: Handler<Contract>,
): void {
  app.route({
    method: contract.method,
    url: contract.path,
    schema: schemaOf(contract),
    ...(contract.bodyLimitBytes === undefined ? {} : { bodyLimit: contract.bodyLimitBytes }),
    handler: async (request, reply) => {
      reply.code(contract.status);
      const answer = await handler({
        owner: ownerOf(request),
        params: request.params as ParamsOf<Contract>,
        query: request.query as QueryOf<Contract>,
        body: request.body as BodyOf<Contract>,
        headers: request.headers as HeadersOf<Contract>,
        signal: goneSignal(reply),
        request,
        reply,
      });
      if (contract.response === undefined && contract.produces === undefined) {
        return reply.code(contract.status).send();
      }
      return answer;
    },
  });
}
