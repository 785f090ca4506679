import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { splitGivenHost, splitHost } from '../../lib/host-name.ts';

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
  /** Those of this machine; absent: as the system tells them. */
  addresses?: () => string[];
}

const loopbackNames = ['localhost', '127.0.0.1', '::1'];

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address.toLowerCase());
}

/** How long a reading of the addresses holds: whoever asks by wrong ones does not make each request read them. */
const addressesHoldMs = 1_000;

/**
 * Whether an address is one of this machine just now. They come and go: a network that is up only after the start, another
 * Wi-Fi, a new lease, a VPN.
 */
function currentAddresses(read: () => string[]): (name: string) => boolean {
  let known = new Set<string>();
  let readAt = -Infinity;
  return (name) => {
    if (isIP(name) === 0) return false;
    if (performance.now() - readAt > addressesHoldMs) {
      known = new Set(read());
      readAt = performance.now();
    }
    return known.has(name);
  };
}

export function createHostGate({ host, allowedHosts, addresses = ownAddresses }: HostGateOptions): HostGate {
  const names = new Set(loopbackNames);
  const pairs = new Set<string>();
  // Listening on every address means that each own one is a right name; a foreign name never is.
  const listensOnAll = host === '0.0.0.0' || host === '::';
  if (!listensOnAll) names.add(host.toLowerCase());
  const isOwn = listensOnAll ? currentAddresses(addresses) : () => false;
  for (const allowed of allowedHosts) {
    const split = splitGivenHost(allowed);
    if (split?.port) pairs.add(`${split.name}:${split.port}`);
    else if (split) names.add(split.name);
  }
  return {
    allows(header) {
      const split = header === undefined ? null : splitHost(header);
      if (split === null) return false;
      const { name, port } = split;
      return names.has(name) || (port !== null && pairs.has(`${name}:${port}`)) || isOwn(name);
    },
  };
}
