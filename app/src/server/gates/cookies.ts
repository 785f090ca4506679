import type { IncomingHttpHeaders } from 'node:http';

/** The cookie of a session: by which name it goes and what browsers may do with it. */
export interface Cookies {
  /** As `Set-Cookie` has it. */
  set(headers: IncomingHttpHeaders, token: string, maxAgeSeconds: number): string;
  /** Takes it from the browser, by whichever name it was. */
  unset(): string[];
  /** What may be a session's. */
  tokensIn(headers: IncomingHttpHeaders): string[];
}

export interface CookiesOptions {
  port: () => number;
  isHttps: boolean;
}

function valueOf(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}

export function createCookies({ port, isHttps }: CookiesOptions): Cookies {
  // Cookies know no ports: another server on this machine must not overwrite ours.
  const plain = () => ({ name: `corral-${port()}`, attributes: '; Path=/; HttpOnly; SameSite=Strict' });
  /** Never sent in the clear; no other host sets a name with `__Host-`. */
  const secure = () => {
    const { name, attributes } = plain();
    return { name: `__Host-${name}`, attributes: `${attributes}; Secure` };
  };
  return {
    set({ origin = '' }, token, maxAgeSeconds) {
      // Behind a proxy that speaks TLS only the browser tells of it; that its origin is ours the gate has seen.
      const { name, attributes } = isHttps || /^https:/i.test(origin) ? secure() : plain();
      return `${name}=${token}${attributes}; Max-Age=${maxAgeSeconds}`;
    },
    unset: () => [secure(), plain()].map(({ name, attributes }) => `${name}=${attributes}; Max-Age=0`),
    tokensIn: ({ cookie }) => [secure(), plain()].flatMap(({ name }) => valueOf(cookie, name) ?? []),
  };
}
