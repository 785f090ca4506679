import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../contracts/app-error.ts';
import { soleOwner } from '../../contracts/owner.ts';
import type { Clock } from '../../lib/clock.ts';
import { sessionLifetimeMs } from '../limits.ts';
import { createFailedKeys } from './failed-keys.ts';

export interface Principal {
  owner: string;
  by: 'loopback' | 'cookie' | 'bearer' | 'local-token';
}

export interface AccessOptions {
  /** Empty: whoever reaches the loopback address is the owner. */
  accessKey: string;
  /** Lets the command line of the same user in; empty: none. */
  localToken: string;
  port: () => number;
  isHttps: boolean;
  clock: Clock;
}

export interface AccessQuestion {
  headers: IncomingHttpHeaders;
  remoteAddress: string;
}

/** The one place that decides who is asking. Throws `key-required`, `key-refused` or `rate-limited`. */
export interface Access {
  whoIsAsking(question: AccessQuestion): Principal;
  /** Whether a browser is shown the page. Looks at no key: one that is guessed is counted, and this counts nothing. */
  isSignedIn(headers: IncomingHttpHeaders): boolean;
  /** Checks a key typed into the sign-in page; gives the cookie to set. */
  signIn(key: string, question: AccessQuestion): string;
  /** The cookies that take the sign-in back, by whichever name it was. */
  signOut(): string[];
  readonly needsKey: boolean;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Constant time whatever the lengths: digests are compared. */
function equal(given: string, right: string): boolean {
  return timingSafeEqual(digest(given), digest(right));
}

const scheme = /^Bearer +(\S{1,1024})$/i;

function cookieValue(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}

/** A session says when it ends and proves it with the key; nothing is kept, and a new key ends them all. */
function sessions(accessKey: string, clock: Clock) {
  const secret = createHmac('sha256', 'corral session').update(accessKey).digest();
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest('base64url');
  return {
    issue(): string {
      const body = `${clock.now() + sessionLifetimeMs}.${randomBytes(16).toString('base64url')}`;
      return `${body}.${sign(body)}`;
    },
    isValid(token: string): boolean {
      const parts = /^(\d{1,15})\.([\w-]{22})\.([\w-]{43})$/.exec(token);
      if (!parts) return false;
      return equal(parts[3] ?? '', sign(`${parts[1]}.${parts[2]}`)) && Number(parts[1]) > clock.now();
    },
  };
}

export function createAccess(options: AccessOptions): Access {
  const { accessKey, localToken, clock } = options;
  const failed = createFailedKeys(clock);
  const session = sessions(accessKey, clock);
  // Cookies know no ports: another server on this machine must not overwrite ours.
  const plainCookie = () => ({
    name: `corral-${options.port()}`,
    attributes: '; Path=/; HttpOnly; SameSite=Strict',
  });
  /** Never sent in the clear; a name with `__Host-` is set by no other host. */
  const secureCookie = () => {
    const { name, attributes } = plainCookie();
    return { name: `__Host-${name}`, attributes: `${attributes}; Secure` };
  };
  /** Behind a proxy that speaks TLS only the browser knows of it; that its origin is ours the gate has seen. */
  const cookieFor = ({ origin = '' }: IncomingHttpHeaders) =>
    options.isHttps || /^https:/i.test(origin) ? secureCookie() : plainCookie();

  /** A secret of 256 random bits that the command line of this user reads from a file. */
  function isLocalToken(bearer: string | undefined): boolean {
    return bearer !== undefined && localToken !== '' && equal(bearer, localToken);
  }

  function principal({ headers }: AccessQuestion, bearer: string | undefined): Principal | 'wrong' | null {
    if (accessKey === '') return { owner: soleOwner, by: 'loopback' };
    if (bearer !== undefined) return equal(bearer, accessKey) ? { owner: soleOwner, by: 'bearer' } : 'wrong';
    return hasSession(headers) ? { owner: soleOwner, by: 'cookie' } : null;
  }

  function hasSession(headers: IncomingHttpHeaders): boolean {
    return [secureCookie(), plainCookie()].some(({ name }) => {
      const cookie = cookieValue(headers.cookie, name);
      return cookie !== null && session.isValid(cookie);
    });
  }

  function refuseKey(remoteAddress: string): never {
    failed.record(remoteAddress);
    throw new AppError('key-refused', 'the access key is not right');
  }

  function refuseWhileWaiting(remoteAddress: string): void {
    const retryAfterSeconds = failed.waitSeconds(remoteAddress);
    if (retryAfterSeconds === 0) return;
    throw new AppError('rate-limited', 'too many wrong access keys came from this address', {
      hint: `Wait ${Math.ceil(retryAfterSeconds / 60)} minutes.`,
      details: { retryAfterSeconds },
    });
  }

  return {
    needsKey: accessKey !== '',
    whoIsAsking(question) {
      const { authorization } = question.headers;
      const bearer = scheme.exec(authorization ?? '')?.[1];
      // Nobody guesses it, so whoever tries keys from this address, a proxy perhaps, does not lock its user out.
      if (isLocalToken(bearer)) return { owner: soleOwner, by: 'local-token' };
      if (authorization !== undefined && accessKey !== '') refuseWhileWaiting(question.remoteAddress);
      const answer = principal(question, bearer);
      if (answer === 'wrong') refuseKey(question.remoteAddress);
      if (answer !== null) return answer;
      throw new AppError('key-required', 'this server asks for its access key', {
        hint: 'Sign in on the page, or send the key as "Authorization: Bearer …".',
      });
    },
    isSignedIn: (headers) => accessKey === '' || hasSession(headers),
    signIn(key, { headers, remoteAddress }) {
      refuseWhileWaiting(remoteAddress);
      if (accessKey === '' || !equal(key, accessKey)) refuseKey(remoteAddress);
      const { name, attributes } = cookieFor(headers);
      return `${name}=${session.issue()}${attributes}; Max-Age=${sessionLifetimeMs / 1000}`;
    },
    signOut: () =>
      [secureCookie(), plainCookie()].map(({ name, attributes }) => `${name}=${attributes}; Max-Age=0`),
  };
}

/** S3: a server that others can reach has a key, or it does not start. */
export function refuseOpenServer(host: string, accessKey: string, isLoopback: boolean): void {
  if (isLoopback || accessKey !== '') return;
  throw new AppError(
    'config-invalid',
    `HOST is ${host}, which others can reach, but there is no CORRAL_ACCESS_KEY`,
    {
      hint: `Set one, for example CORRAL_ACCESS_KEY=${randomBytes(18).toString('base64url')} in .env, or leave HOST at 127.0.0.1.`,
    },
  );
}
