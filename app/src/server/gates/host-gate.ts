import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** S1: which names this server may be called by. Everything else is a page that was pointed here by a false DNS answer. */
export interface HostGate {
  /** False: refuse before anything else is looked at. */
  allows(host: string | undefined): boolean;
}

export interface HostGateOptions {
  /** Address it listens on. */
  host: string;
  /** Further names from CORRAL_ALLOWED_HOSTS, with or without a port. */
  allowedHosts: readonly string[];
}

const loopbackNames = ['localhost', '127.0.0.1', '::1'];
const hostHeader = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9._-]{1,253}))(?::(\d{1,5}))?$/;

/** Name and port of a Host header, in lower case; null where it is none. A trailing dot is part of the name. */
export function splitHost(header: string): { name: string; port: string | null } | null {
  const match = hostHeader.exec(header.toLowerCase());
  if (!match) return null;
  return { name: match[1] ?? match[2] ?? '', port: match[3] ?? null };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address.toLowerCase());
}

/** Listening on every address means that each own one is a right name; a foreign name never is. */
function namesOf(host: string): string[] {
  if (isLoopback(host)) return loopbackNames;
  if (host === '0.0.0.0' || host === '::') return [...loopbackNames, ...ownAddresses()];
  return [...loopbackNames, host.toLowerCase()];
}

export function createHostGate({ host, allowedHosts }: HostGateOptions): HostGate {
  const names = new Set(namesOf(host));
  const pairs = new Set<string>();
  for (const allowed of allowedHosts) {
    const split = splitHost(isIP(allowed) === 6 ? `[${allowed}]` : allowed);
    if (split?.port) pairs.add(`${split.name}:${split.port}`);
    else if (split) names.add(split.name);
  }
  return {
    allows(header) {
      const split = header === undefined ? null : splitHost(header);
      if (split === null) return false;
      return names.has(split.name) || (split.port !== null && pairs.has(`${split.name}:${split.port}`));
    },
  };
}
