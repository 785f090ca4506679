import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../contracts/app-error.ts';

/** S2: who may change something. What a browser says about the page that asks decides; a missing word is no excuse. */
const harmless = new Set(['GET', 'HEAD']);

function refuse(message: string): AppError {
  return new AppError('origin-refused', message, {
    hint: 'Open the page at its own address; programs send no Origin header and, where one is set, the access key.',
  });
}

function isOwnOrigin(origin: string, host: string): boolean {
  // A proxy in front may speak https where we speak http; the name and port have to be the same in any case.
  const own = host.toLowerCase();
  const given = origin.toLowerCase();
  return given === `http://${own}` || given === `https://${own}`;
}

export interface OriginQuestion {
  method: string;
  headers: IncomingHttpHeaders;
  /** Whether the answer could be more than the page's own files. */
  isApi: boolean;
}

/** A page of another site: it may not even read, whatever the browser would do with the answer. */
function checkForeign({ headers, isApi }: OriginQuestion): void {
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  if (origin !== undefined && !isOwnOrigin(origin, host)) {
    throw refuse(`a page of another origin asked: ${origin === 'null' ? 'null' : origin.slice(0, 200)}`);
  }
  if (isApi && (site === 'cross-site' || site === 'same-site')) {
    throw refuse('a page of another origin asked');
  }
}

/** Throws `origin-refused` for what another page sent, or what cannot be told from it. */
export function checkOrigin(question: OriginQuestion): void {
  checkForeign(question);
  const { method, headers } = question;
  if (harmless.has(method) || headers.origin !== undefined) return;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') throw refuse('the browser did not say which page asks');
  if (site === undefined && headers.cookie !== undefined) {
    throw refuse('a change with a cookie has to say which page asks, and this one has no Origin');
  }
}
