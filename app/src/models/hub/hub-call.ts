import { AppError } from '../../contracts/app-error.ts';
import type { HttpClient, HttpRequestOptions, HttpResponse } from '../../net/http-client.ts';
import { defaultRetryPolicy, type RetryNotice, type RetryPolicy, withRetries } from '../../net/retry.ts';
import { type HubContext, hubRefusal, toHubError } from './hub-errors.ts';

export interface HubOptions {
  /** Without a slash at its end. */
  endpoint: string;
  /** Empty: none. Goes to the endpoint's own origin and nowhere else. */
  token: string;
  offline: boolean;
  client: HttpClient;
  retry?: RetryPolicy;
}

export interface HubCallOptions {
  signal?: AbortSignal | undefined;
  onRetry?: ((notice: RetryNotice) => void) | undefined;
}

/** Model cards and trees of real repositories are far below; an endless answer ends here. */
const maxJsonBytes = 8 << 20;
/** Requests to the Hub itself, with its token, tried again where that helps. */
export interface HubCall {
  send(url: string, context: HubContext, options: SendOptions): Promise<HttpResponse>;
  once(url: string, context: HubContext, options: SendOptions): Promise<HttpResponse>;
  json(url: string, context: HubContext, options: HubCallOptions): Promise<JsonAnswer>;
}

export interface SendOptions extends HubCallOptions {
  request?: HttpRequestOptions;
}

export interface JsonAnswer {
  body: unknown;
  headers: HttpResponse['headers'];
}

export function createCall(options: HubOptions): HubCall {
  async function once(
    url: string,
    context: HubContext,
    { signal, request }: SendOptions,
  ): Promise<HttpResponse> {
    if (options.offline) throw offlineBySetting(context);
    const response = await options.client
      .request(url, {
        secretHeaders: secretsOf(options),
        maxBytes: maxJsonBytes,
        ...request,
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((error: unknown) => {
        throw toHubError(error, context);
      });
    if (response.status < 400) return response;
    await response.discard();
    throw hubRefusal(response, context);
  }
  const retrying = <Value>(callOptions: HubCallOptions, attempt: () => Promise<Value>): Promise<Value> =>
    withRetries({ policy: options.retry ?? defaultRetryPolicy, ...callOptions }, attempt);
  return {
    once,
    send: (url, context, sendOptions) => retrying(sendOptions, () => once(url, context, sendOptions)),
    json: (url, context, callOptions) =>
      retrying(callOptions, async () => {
        const timeouts = { totalMs: 60_000 };
        const response = await once(url, context, { ...callOptions, request: { timeouts } });
        const body = await response.json().catch((error: unknown) => {
          throw toHubError(error, context);
        });
        return { body, headers: response.headers };
      }),
  };
}

export function secretsOf(options: HubOptions): NonNullable<HttpRequestOptions['secretHeaders']> {
  const headers: Record<string, string> =
    options.token === '' ? {} : { authorization: `Bearer ${options.token}` };
  return { headers, origins: [new URL(options.endpoint).origin] };
}

export function invalidAnswer(why: string): AppError {
  return new AppError('hub-failed', `What answers as the Hub cannot be used: ${why}.`, {
    hint: 'Check HF_ENDPOINT.',
    details: { final: true },
  });
}

function offlineBySetting(context: HubContext): AppError {
  return new AppError(
    'hub-unreachable',
    `${context.repository} is not here, and HF_HUB_OFFLINE forbids asking the Hub.`,
    {
      hint: 'Unset HF_HUB_OFFLINE, or copy the files here and use `corral import`.',
      details: { offline: true, final: true },
    },
  );
}
