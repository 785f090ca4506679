import { AppError } from '../../contracts/app-error.ts';
import type { HttpResponse } from '../../net/http-client.ts';
import { waitAskedFor } from '../../net/retry.ts';

export interface HubContext {
  endpoint: string;
  repository: string;
  revision: string;
  file?: string;
  hasToken: boolean;
}

/** The Hub gives its reasons in a sentence or two. */
const maxSaidLength = 300;

const giveToken =
  'Make a token with read access at huggingface.co/settings/tokens, set HF_TOKEN in .env and start Corral again where it runs.';

/** Why the Hub refused, and what to do about it. */
export function hubRefusal(response: HttpResponse, context: HubContext): AppError {
  const code = response.headers['x-error-code'];
  const { status } = response;
  if (status === 429 || status >= 500) return busy(response, context);
  if (code === 'GatedRepo') return gated(status, context);
  if (status === 403) return forbidden(response, context);
  if (code === 'RevisionNotFound' || code === 'EntryNotFound') return missing(code, context);
  if (status === 401 || status === 404) {
    const isToken = status === 401 && context.hasToken && code === undefined;
    return isToken ? tokenRefused(context) : notFound(context);
  }
  return new AppError('hub-failed', `The Hub answered ${status} for ${context.repository}.`, {
    details: { status, final: true },
  });
}

function missing(code: 'RevisionNotFound' | 'EntryNotFound', context: HubContext): AppError {
  const what =
    code === 'RevisionNotFound'
      ? `no revision ${JSON.stringify(context.revision)}`
      : `no file ${JSON.stringify(context.file ?? '')}`;
  return new AppError('hub-not-found', `${context.repository} has ${what}.`, {
    hint: `See ${pageOf(context)}/tree/main for its branches and files; a commit is written in full.`,
    details: { repository: context.repository, revision: context.revision },
  });
}

/** Network failures on the way to the Hub; everything else passes unchanged. */
export function toHubError(error: unknown, context: HubContext): unknown {
  if (!(error instanceof AppError) || !['network-failed', 'timed-out'].includes(error.code)) return error;
  const offline = error.details?.['offline'] === true;
  const host = new URL(context.endpoint).host;
  return new AppError(
    'hub-unreachable',
    offline ? `This machine is offline: ${host} cannot be resolved.` : error.message,
    {
      cause: error,
      hint: 'Models that are here work without a network (`corral list`); a mirror can be named with HF_ENDPOINT.',
      // Waiting does not bring a network back, and a person at a prompt wants to know now.
      details: { host, offline, final: offline },
    },
  );
}

function gated(status: number, context: HubContext): AppError {
  const page = pageOf(context);
  const isAnonymous = !context.hasToken || status === 401;
  return new AppError(
    'hub-gated',
    isAnonymous
      ? `${context.repository} is gated: its licence has to be accepted at ${page} first, and no token was given.`
      : `${context.repository} is gated and the account of your token may not read it yet.`,
    {
      hint: isAnonymous
        ? `Open ${page}, accept the licence, then: ${giveToken}`
        : `Open ${page} with the account of the token and accept the licence (or wait until access is granted).`,
      details: { page, repository: context.repository },
    },
  );
}

/** Not the licence: a token that lacks a permission, a repository that was disabled. The Hub says which. */
function forbidden(response: HttpResponse, context: HubContext): AppError {
  const said = (response.headers['x-error-message'] ?? '')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, maxSaidLength)
    .trim();
  return new AppError(
    'hub-token-refused',
    `The Hub forbids reading ${context.repository}: ${said || '(no reason given)'}`,
    {
      hint: context.hasToken
        ? 'See at huggingface.co/settings/tokens what the token may do: a fine-grained one needs the right to read gated repositories.'
        : giveToken,
      details: { page: pageOf(context), repository: context.repository },
    },
  );
}

function tokenRefused(context: HubContext): AppError {
  return new AppError('hub-token-refused', 'The Hub does not accept the token that was given (HF_TOKEN).', {
    hint: giveToken,
    details: { page: pageOf(context), repository: context.repository },
  });
}

function notFound(context: HubContext): AppError {
  return new AppError(
    'hub-not-found',
    `The Hub has no repository ${context.repository} that can be read here.`,
    {
      hint: context.hasToken
        ? 'Check the spelling, and that the account of the token may read it.'
        : `Check the spelling. If it is private: ${giveToken}`,
      details: { page: pageOf(context), repository: context.repository },
    },
  );
}

function busy(response: HttpResponse, context: HubContext): AppError {
  const retryAfterMs = waitAskedFor(response);
  return new AppError('hub-failed', `The Hub answered ${response.status} for ${context.repository}.`, {
    hint:
      response.status === 429
        ? 'It limits how often one may ask; a token (HF_TOKEN) raises the limit.'
        : 'Try again later.',
    details: { status: response.status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}

function pageOf(context: HubContext): string {
  return `${context.endpoint}/${context.repository}`;
}
