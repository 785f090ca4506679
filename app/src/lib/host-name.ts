import { isIP } from 'node:net';

const hostHeader = /^(?:\[([0-9a-f:.]{2,45})\]|((?!\.)[a-z0-9._-]{1,253}))(?::(\d{1,5}))?$/;

/** Name and port of a Host header, in lower case; null where it is none. A trailing dot is part of the name. */
export function splitHost(header: string): { name: string; port: string | null } | null {
  const match = hostHeader.exec(header.toLowerCase());
  if (!match) return null;
  return { name: match[1] ?? match[2] ?? '', port: match[3] ?? null };
}

/** The same of a name that the operator wrote, where an IPv6 address needs no brackets. */
export function splitGivenHost(given: string): { name: string; port: string | null } | null {
  return splitHost(isIP(given) === 6 ? `[${given}]` : given);
}
