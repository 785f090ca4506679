import { AppError, toAppError } from '../../contracts/app-error.ts';
import type { ErrorCode } from '../../contracts/error-codes.ts';
import { parseRetryAfter } from '../../net/retry.ts';
import { hostOf, type RemoteProvider } from './remote-provider.ts';
import { keyHint, modelHint } from './service-hints.ts';
import { isRecord } from './service-values.ts';

/** What a service answered instead of what was asked for. */
export interface Refusal {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** The beginning of the body. */
  body: string;
  /** The model that was asked for; null where none was. */
  model: string | null;
  /** Its list could be read, so that a 404 is about the model and not about the address. */
  isApiKnown: boolean;
}

/** What the services put into their error bodies, flat. */
interface Said {
  message: string;
  /** `code`, `type` and `error_type` of whatever form. */
  codes: string[];
  param: string;
  isJson: boolean;
}

const longestMessage = 300;

/** Codes by which services say that they do not have the model. */
const modelCodes = new Set(['model_not_found', 'model_not_supported', 'model_unknown', 'invalid_model']);
const contextCodes = new Set(['context_length_exceeded', 'exceed_context_size_error', 'context_too_long']);
const quotaCodes = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'insufficient_credits']);
/** vLLM, SGLang, TGI and Together give no code for it; these are their sentences, those of older releases too. */
const contextSentence =
  /maximum (?:context|input) length|context length is only|longer than the model's context|[`']inputs[`'] (?:tokens|must have)/;

/** A status of 400 or more as an error that names the provider and says what to do. */
export function refusalError(provider: RemoteProvider, refusal: Refusal): AppError {
  const said = readSaid(refusal.body);
  const build = (code: ErrorCode, what: string, hint: string): AppError =>
    new AppError(code, `${provider.name} ${what}${quoted(provider, said)}`, {
      hint,
      details: { provider: provider.name, status: refusal.status, ...retryAfter(refusal) },
    });
  if (isAboutModel(refusal, said))
    return build('provider-model-unknown', `does not serve ${refusal.model}`, modelHint(provider, refusal));
  if (isAboutContext(said)) {
    const hint = 'Shorten the message, start a new chat, or set a smaller context for this chat.';
    return build('context-too-long', 'refused the chat as too long for the model', hint);
  }
  return byStatus(provider, refusal, said)(build);
}

type Build = (code: ErrorCode, what: string, hint: string) => AppError;

function byStatus(provider: RemoteProvider, refusal: Refusal, said: Said): (build: Build) => AppError {
  const { status } = refusal;
  const hasQuota = !said.codes.some((code) => quotaCodes.has(code));
  switch (status) {
    case 401:
      return (build) =>
        provider.key === ''
          ? build('provider-key-refused', 'asks for a key, and none is set', keyHint(provider))
          : build('provider-key-refused', 'refused its key', keyHint(provider));
    case 402:
      return (build) => build('provider-payment-required', 'asks for payment', paymentHint);
    case 403:
      return (build) =>
        build('provider-forbidden', 'does not allow this to your key', forbiddenHint(provider));
    case 404:
    case 405:
      return (build) => build('provider-answer-invalid', `has no such API at ${provider.url}`, addressHint);
    case 429:
      return (build) =>
        hasQuota
          ? build(
              'provider-rate-limited',
              `is limiting you${waitWords(refusal)}`,
              'Wait, or use another key.',
            )
          : build('provider-payment-required', 'has no credit left for your key', paymentHint);
    default:
      return (build) =>
        status >= 500 || status === 408
          ? build('provider-unavailable', `answered ${status}${waitWords(refusal)}`, busyHint)
          : build('bad-request', `refused the request with ${status}`, 'Look at the settings of this chat.');
  }
}

const paymentHint = 'Add credit at the service, or choose another model.';
const busyHint = 'It is busy, starting or loading the model. Try again in a moment.';
const addressHint =
  'Check its address: OpenAI-compatible ones usually end in /v1, that of a TGI is the root of the server.';

function forbiddenHint({ kind }: RemoteProvider): string {
  return kind === 'huggingface'
    ? 'The token needs the permission "Make calls to Inference Providers" (huggingface.co/settings/tokens), and gated models need their licence accepted.'
    : 'Give the key the right to use this model, or use another key.';
}

function isAboutModel({ status, model, isApiKnown }: Refusal, said: Said): boolean {
  if (model === null || ![400, 404, 422].includes(status)) return false;
  if (said.codes.some((code) => modelCodes.has(code)) || said.param === 'model') return true;
  return status === 404 && said.isJson && isApiKnown;
}

function isAboutContext(said: Said): boolean {
  return said.codes.some((code) => contextCodes.has(code)) || contextSentence.test(said.message);
}

function retryAfter({ headers }: Refusal): { retryAfterMs?: number } {
  const retryAfterMs = parseRetryAfter(headers['retry-after']);
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

function waitWords(refusal: Refusal): string {
  const { retryAfterMs } = retryAfter(refusal);
  return retryAfterMs === undefined ? '' : ` and asks to wait ${Math.ceil(retryAfterMs / 1000)} s`;
}

/** It may be the half-written answer that is refused: some take none of a model that thinks. */
export function mayBeAboutPrefill({ code, details }: AppError): boolean {
  return code === 'bad-request' && details?.['status'] === 400;
}

/** What goes on by itself has to fit on seamlessly, so that only a person can ask for the rest. */
export function prefillRefused(refusal: AppError): AppError {
  return new AppError(refusal.code, refusal.message, {
    hint: 'The text so far is kept; Continue asks for the rest.',
    ...(refusal.details ? { details: refusal.details } : {}),
    cause: refusal,
  });
}

/** An error object in the middle of a stream, where the status was 200. */
export function streamError(provider: RemoteProvider, frame: unknown, model: string): AppError {
  const body = JSON.stringify(frame);
  const status = statusIn(frame);
  return refusalError(provider, { status, headers: {}, body, model, isApiKnown: true });
}

/** To go on with it would be more of the same. */
export function endlessAnswer(provider: RemoteProvider): AppError {
  return invalidAnswer(provider, 'sends more than it was asked for and does not end', { isFinal: true });
}

/** The service ended an answer that is not complete, and said so. */
export function brokenOffError({ name }: RemoteProvider, why: 'trouble' | 'filter'): AppError {
  const details = { provider: name };
  if (why === 'trouble')
    return new AppError('provider-unavailable', `${name} broke the answer off.`, { hint: busyHint, details });
  return new AppError('provider-forbidden', `The content filter of ${name} ended the answer.`, {
    hint: 'Word the question in another way, or choose another model.',
    details,
  });
}

/** TGI refuses in the stream whatever it refuses, and names the kind. */
const statusOfKind: Readonly<Record<string, number>> = {
  validation: 422,
  template_error: 422,
  tool_error: 422,
  overloaded: 429,
};

/** llama-server, vLLM and OpenRouter put the status into `code`. */
function statusIn(frame: unknown): number {
  if (!isRecord(frame)) return 500;
  const { code } = isRecord(frame['error']) ? frame['error'] : frame;
  if (typeof code === 'number' && code >= 400 && code < 600) return code;
  const kind = frame['error_type'];
  return typeof kind === 'string' ? (statusOfKind[kind] ?? 500) : 500;
}

function readSaid(body: string): Said {
  try {
    const parsed: unknown = JSON.parse(body);
    const outer: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    return { ...flatten(outer), isJson: isRecord(outer) };
  } catch {
    return { message: '', codes: [], param: '', isJson: false };
  }
}

function flatten(outer: unknown): Omit<Said, 'isJson'> {
  if (!isRecord(outer)) return { message: '', codes: [], param: '' };
  const inner = isRecord(outer['error']) ? outer['error'] : outer;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const said = [inner['message'], outer['error'], outer['message'], outer['detail']];
  const message = said.map((value) => text(value) || refusedFields(value)).find(Boolean);
  const codes = [inner['code'], inner['type'], outer['error_type'], outer['code']].map(text).filter(Boolean);
  return { message: message ?? '', codes, param: text(inner['param']) };
}

/** FastAPI's list of what is wrong with a body, bare or in a `detail` as Mistral sends it: the first is told. */
function refusedFields(value: unknown): string {
  const list: unknown = isRecord(value) ? value['detail'] : value;
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  if (!isRecord(first) || typeof first['msg'] !== 'string') return '';
  const place = Array.isArray(first['loc']) ? first['loc'].filter((part) => part !== 'body').join('.') : '';
  return place === '' ? first['msg'] : `${place}: ${first['msg']}`;
}

/** The service's own words: one line, without its key, and not all of a long page. */
function quoted(provider: RemoteProvider, { message }: Said): string {
  return message === '' ? '.' : `: ${clean(provider, message)}`;
}

export function clean(provider: RemoteProvider, text: string): string {
  const masked = provider.key === '' ? text : text.replaceAll(provider.key, '[hidden]');
  const line = masked.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > longestMessage ? `${line.slice(0, longestMessage)}…` : line;
}

/** A failure on the way as an error that names the provider; what is told already passes unchanged. */
export function transportError(provider: RemoteProvider, error: unknown): AppError {
  const known = toAppError(error);
  if (known.details?.['provider'] === provider.name) return known;
  const named = `${provider.name} (${hostOf(provider)})`;
  const details = { ...known.details, provider: provider.name };
  const build = (code: ErrorCode, message: string, hint: string): AppError =>
    new AppError(code, message, { hint, details, cause: error });
  switch (known.code) {
    case 'network-failed':
      return build('provider-unreachable', `${named}: ${known.message}`, reachHint);
    case 'timed-out':
      return build('timed-out', `${named} took too long to answer.`, busyHint);
    case 'address-refused':
      return build('address-refused', `${named}: ${known.message}`, known.hint ?? addressHint);
    case 'redirect-refused':
      return build(
        'redirect-refused',
        `${named} sends requests on to another address. That is refused; neither its key nor the chat was sent there.`,
        'Set its address to the one that really answers.',
      );
    case 'answer-too-large':
      return build(
        'provider-answer-invalid',
        `${named} sends without end; the connection was closed.`,
        addressHint,
      );
    default:
      return known;
  }
}

const reachHint =
  'Check that it is running and that its address is right (docs/errors.md, provider-unreachable).';

export function invalidAnswer(
  provider: RemoteProvider,
  why: string,
  { cause, isFinal = false }: { cause?: unknown; isFinal?: boolean } = {},
): AppError {
  return new AppError('provider-answer-invalid', `${provider.name} (${hostOf(provider)}) ${why}.`, {
    hint: addressHint,
    details: { provider: provider.name, ...(isFinal ? { final: true } : {}) },
    ...(cause === undefined ? {} : { cause }),
  });
}
