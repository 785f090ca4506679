import { z } from 'zod';
import { idSchema } from '../chats.ts';

/** One address of the native API, described once: validation, types and the OpenAPI document come from it. */
export interface RouteContract {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  /** What it does, as one line of the reference page. */
  summary: string;
  /** Noun under which the reference page lists it. */
  tag: string;
  /** Status of the good answer. */
  status: number;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: z.ZodType;
  headers?: z.ZodObject;
  /** Absent: the answer has no body (204) or is a stream or a file (`produces` names its type). */
  response?: z.ZodType;
  produces?: string;
  /** Largest body taken, in bytes; absent: the server's default for JSON. */
  bodyLimitBytes?: number;
}

export function route<const Contract extends RouteContract>(contract: Contract): Contract {
  return contract;
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Sent<Schema> = Schema extends z.ZodType ? z.input<Schema> : undefined;

export type ParamsOf<Contract extends RouteContract> = Parsed<Contract['params']>;
export type QueryOf<Contract extends RouteContract> = Parsed<Contract['query']>;
export type BodyOf<Contract extends RouteContract> = Parsed<Contract['body']>;
/** What a caller has to send as body: fields with defaults may be left out. */
export type RequestOf<Contract extends RouteContract> = Sent<Contract['body']>;
export type ResponseOf<Contract extends RouteContract> = Parsed<Contract['response']>;

/** Made by the server; ids have no other form when they reach a query. */
export const byIdSchema = z.strictObject({ id: idSchema });

/** Milliseconds since 1970. */
export const timeSchema = z.int().min(0);

/** A number in an address arrives as text. */
export const countParameter = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));
export const flagParameter = z
  .enum(['0', '1', 'true', 'false'])
  .transform((text) => text === '1' || text === 'true');

/** Where the previous page ended; opaque to the caller. */
export const cursorSchema = z.string().min(1).max(256);

/** Repeating a request with the same key gives the first answer again instead of doing it twice. */
export const idempotencyKeySchema = z.string().regex(/^[\x21-\x7e]{1,128}$/, '1 to 128 printable characters');
export const idempotentHeaders = z.object({ 'idempotency-key': idempotencyKeySchema.optional() });

/** The version an edit is based on, as in `If-Match: "7"`; an older one is a conflict, not an overwrite. */
export const versionedHeaders = z.object({
  'if-match': z
    .string()
    .regex(/^"?\d{1,15}"?$/, 'the version the change is based on')
    .transform((text) => Number(text.replaceAll('"', '')))
    .optional(),
});

export const errorBodySchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
});

/** Every error of the native API. */
export const errorResponseSchema = z.object({ error: errorBodySchema, requestId: z.string() });
export type ErrorResponse = z.infer<typeof errorResponseSchema>;
