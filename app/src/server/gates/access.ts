import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../contracts/app-error.ts';
import { soleOwner } from '../../contracts/owner.ts';
import type { Clock } from '../../lib/clock.ts';
import { sessionLifetimeMs } from '../limits.ts';
import { createCookies } from './cookies.ts';
import type { EndedSessions } from './ended-sessions.ts';
import { createFailedKeys } from './failed-keys.ts';
import { createSessions, equal } from './sessions.ts';

export interface Principal {
  owner: string;
  by: 'loopback' | 'cookie' | 'bearer' | 'local-token';
  /** Of the browser, where a cookie proved it. */
  session: string | null;
}

export interface AccessOptions {
  /** Empty: whoever reaches the loopback address is the owner. */
  accessKey: string;
  /** Lets the command line of the same user in; empty: none. */
  localToken: string;
  port: () => number;
  isHttps: boolean;
  clock: Clock;
  ended: EndedSessions;
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
  /** Ends the session for good; gives the cookies that take it from the browser, by whichever name it was. */
  signOut(headers: IncomingHttpHeaders): Promise<string[]>;
  readonly needsKey: boolean;
}

const ownerBy = (by: Principal['by']): Principal => ({ owner: soleOwner, by, session: null });

const scheme = /^Bearer +(\S{1,1024})$/i;

export function createAccess(options: AccessOptions): Access {
  const { accessKey, localToken, clock, ended } = options;
  const failed = createFailedKeys(clock);
  const sessions = createSessions({ accessKey, clock, ended });
  const cookies = createCookies(options);

  /** A secret of 256 random bits that the command line of this user reads from a file. */
  function isLocalToken(bearer: string | undefined): boolean {
    return bearer !== undefined && localToken !== '' && equal(bearer, localToken);
  }

  function principal({ headers }: AccessQuestion, bearer: string | undefined): Principal | 'wrong' | null {
    if (accessKey === '') return ownerBy('loopback');
    if (bearer !== undefined) return equal(bearer, accessKey) ? ownerBy('bearer') : 'wrong';
    const session = sessionOf(headers);
    return session === null ? null : { ...ownerBy('cookie'), session };
  }

  function sessionOf(headers: IncomingHttpHeaders): string | null {
    for (const token of cookies.tokensIn(headers)) {
      const id = sessions.idOf(token);
      if (id !== null) return id;
    }
    return null;
  }

  function refuseKey(remoteAddress: string): never {
    failed.record(remoteAddress);
    throw new AppError('key-refused', 'the access key is not right');
  }

  return {
    needsKey: accessKey !== '',
    whoIsAsking(question) {
      const { authorization } = question.headers;
      const bearer = scheme.exec(authorization ?? '')?.[1];
      // Nobody guesses it, so whoever tries keys from this address, a proxy perhaps, does not lock its user out.
      if (isLocalToken(bearer)) return ownerBy('local-token');
      if (authorization !== undefined && accessKey !== '') failed.refuseWhileWaiting(question.remoteAddress);
      const answer = principal(question, bearer);
      if (answer === 'wrong') refuseKey(question.remoteAddress);
      if (answer !== null) return answer;
      throw new AppError('key-required', 'this server asks for its access key', {
        hint: 'Sign in on the page, or send the key as "Authorization: Bearer …".',
      });
    },
    isSignedIn: (headers) => accessKey === '' || sessionOf(headers) !== null,
    signIn(key, { headers, remoteAddress }) {
      failed.refuseWhileWaiting(remoteAddress);
      if (accessKey === '' || !equal(key, accessKey)) refuseKey(remoteAddress);
      return cookies.set(headers, sessions.issue(), sessionLifetimeMs / 1000);
    },
    async signOut(headers) {
      for (const token of cookies.tokensIn(headers)) await sessions.end(token);
      return cookies.unset();
    },
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
