import type { AppError } from '../contracts/app-error.ts';
import { faultOf } from './request-fault.ts';
import { fieldOf } from './field-names.ts';

/** Each API family has its own shape of errors; the path alone decides, so that gates before routing know it too. */
export type ApiFamily = 'native' | 'openai' | 'tgi' | 'gradio';

const tgiPaths = /^\/(?:generate|generate_stream|info|tokenize|health|ping)$/;

export function familyOf(method: string, path: string): ApiFamily {
  if (path.startsWith('/v1/') || path === '/v1') return 'openai';
  if (path === '/config' || path.startsWith('/gradio_api/')) return 'gradio';
  if (tgiPaths.test(path) || (path === '/' && method === 'POST')) return 'tgi';
  return 'native';
}

export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

const openaiTypes: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

function openaiType(status: number): string {
  return openaiTypes[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
}

/** Codes that OpenAI's clients know by another name: many shorten the chat only where they read the first of these. */
const openaiCodes: Partial<Record<AppError['code'], string>> = {
  'context-too-long': 'context_length_exceeded',
  'model-unknown': 'model_not_found',
  'key-refused': 'invalid_api_key',
};

const tgiTypes: Partial<Record<AppError['code'], string>> = {
  'rate-limited': 'overloaded',
  'context-too-long': 'validation',
  'template-failed': 'template_error',
  'engine-crashed': 'generation',
  'engine-hung': 'generation',
  'model-load-failed': 'generation',
};

function tgiType(error: AppError): string {
  return tgiTypes[error.code] ?? (error.status >= 500 ? 'incomplete_generation' : 'validation');
}

/** What happened and what to do, as one text; some messages end with a full stop already. */
export function wordsOf({ message, hint }: AppError): string {
  if (hint === undefined) return message;
  return `${message}${/[.!?…]$/u.test(message) ? '' : '.'} ${hint}`;
}

const sampling = 'sampling.';

/** The parameter that is wrong, where the error names one; an engine names it as the native API does. */
function openaiParameter(error: AppError): string | null {
  const field = error.details?.['field'];
  if (typeof field !== 'string') return null;
  if (field === 'prompt.ids') return 'prompt';
  return field.startsWith(sampling) ? fieldOf(field.slice(sampling.length)) : field;
}

/**
 * HTTP status of an error in a family. TGI says 422 where others say 400. Hugging Face's client, which speaks TGI and
 * OpenAI, takes 503 for a model that loads and asks again at once, for ever: what lasts is 502 there, and only a server
 * that stops, which ends it, is 503.
 */
export function statusFor(family: ApiFamily, error: AppError): number {
  if (family === 'tgi' && error.status === 400) return 422;
  const isForPrograms = family === 'tgi' || family === 'openai';
  if (isForPrograms && error.status === 503 && error.code !== 'shutting-down') return 502;
  return error.status;
}

/** Seconds after which to ask again, where we or a service elsewhere said so. */
export function retryAfterOf({ details }: AppError): number | null {
  const ms = details?.['retryAfterMs'];
  return typeof ms === 'number' ? Math.ceil(ms / 1000) : null;
}

export function errorBody(family: ApiFamily, thrown: unknown, requestId: string): object {
  const error = faultOf(thrown);
  switch (family) {
    case 'openai':
      return {
        error: {
          message: wordsOf(error),
          type: openaiType(error.status),
          param: openaiParameter(error),
          code: openaiCodes[error.code] ?? error.code.replaceAll('-', '_'),
        },
      };
    case 'tgi':
      return { error: wordsOf(error), error_type: tgiType(error) };
    case 'gradio':
      return error.status === 401
        ? { detail: { auth_message: wordsOf(error) } }
        : { detail: wordsOf(error), error: wordsOf(error) };
    case 'native':
      return { error: error.toJSON(), requestId };
  }
}
