import { lookup as systemLookup } from 'node:dns';
import { networkInterfaces } from 'node:os';
import { isIPv6, type LookupFunction } from 'node:net';
import { AppError } from '../contracts/app-error.ts';
import { addressBytes, type AddressKind, addressKind } from './address.ts';

export interface DestinationOptions {
  /**
   * Hosts the operator named, as `host` (any port) or `host:port`; an IPv6 address stands in brackets before a port. They may be plain http and may lead to this machine
   * or to a private network; everything else must be https and public.
   */
  allowedHosts: readonly string[];
  /** Ports this program listens on: no request may come back to itself. */
  ownPorts?: () => readonly number[];
  /** Resolver of names; the system's by default. */
  lookup?: LookupFunction;
}

/** Where requests may go. Both checks throw `address-refused`. */
export interface DestinationGate {
  /** Scheme, host and address literals, before anything is sent. */
  checkUrl(url: URL): void;
  /** One resolved address, as it is about to be dialled. */
  checkAddress(host: string, port: number, address: string): void;
  /** A resolver whose every answer passed `checkAddress`, so that what is checked is what is dialled. */
  lookupFor(port: number): LookupFunction;
}

/** Names of metadata services: refused before they are resolved, in case a resolver answers something else. */
const metadataNames =
  /^(?:metadata|metadata\.google\.internal|metadata\.goog|instance-data(?:\.ec2\.internal)?)\.?$/i;

export function createDestinationGate(options: DestinationOptions): DestinationGate {
  const allowed = new Set(options.allowedHosts.map(asInUrl));
  const lookup = options.lookup ?? systemLookup;
  const ownPorts = options.ownPorts ?? (() => []);
  const isNamed = (given: string, port: number): boolean => {
    const host = asInUrl(given);
    return allowed.has(host) || allowed.has(`${host}:${port}`);
  };

  function checkAddress(host: string, port: number, address: string): void {
    const bytes = addressBytes(address);
    if (bytes === undefined) throw refused(host, 'its name led to something that is no address');
    const kind = addressKind(bytes);
    if (kind === 'metadata' || kind === 'never') throw refused(host, describe(kind));
    if (kind !== 'public' && !isNamed(host, port)) throw refused(host, describe(kind));
    if (ownPorts().includes(port) && (kind === 'loopback' || isOwnAddress(bytes))) {
      throw refused(host, 'it is this program itself');
    }
  }

  return {
    checkAddress,
    checkUrl(url) {
      const host = url.hostname.toLowerCase();
      const port = portOf(url);
      if (url.protocol !== 'https:' && url.protocol !== 'http:')
        throw refused(host, `${url.protocol} is not http`);
      if (url.username !== '' || url.password !== '')
        throw refused(host, 'a name or password is in the address');
      if (host === '' || metadataNames.test(host)) throw refused(host, describe('metadata'));
      if (url.protocol === 'http:' && !isNamed(host, port)) {
        throw refused(host, 'it is not https, and plain http is open only to hosts that the operator named');
      }
      if (addressBytes(host) !== undefined) checkAddress(host, port, host);
    },
    lookupFor: (port) => (hostname, lookupOptions, callback) => {
      lookup(hostname, { ...lookupOptions, all: true }, (error, found) => {
        if (error) return callback(error, []);
        const answers = Array.isArray(found) ? found : [{ address: found, family: 4 }];
        try {
          for (const { address } of answers) checkAddress(hostname.toLowerCase(), port, address);
        } catch (refusal) {
          return callback(refusal as NodeJS.ErrnoException, []);
        }
        if (lookupOptions.all === true) return callback(null, answers);
        const first = answers[0];
        return first === undefined
          ? callback(new Error('no address'), [])
          : callback(null, first.address, first.family);
      });
    },
  };
}

/**
 * A host, or a host with its port, in the one spelling that is compared. People write IPv6 addresses with and without
 * brackets and at any length, URLs have them in brackets, and whoever dials has them without.
 */
function asInUrl(host: string): string {
  const [, bracketed, port = ''] = /^\[(.*)\](:\d+)?$/.exec(host) ?? [];
  const address = bracketed ?? host;
  if (!isIPv6(address)) return host.toLowerCase();
  return `${URL.parse(`http://[${address}]`)?.hostname ?? address}${port}`;
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
}

function isOwnAddress(bytes: Uint8Array): boolean {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ address }) => Buffer.from(addressBytes(address) ?? []).equals(bytes));
}

function describe(kind: AddressKind): string {
  switch (kind) {
    case 'loopback':
      return 'it leads to this machine';
    case 'private':
      return 'it leads to a private network';
    case 'link-local':
      return 'it leads to the local link';
    case 'metadata':
      return 'it leads to the credentials of a cloud machine';
    default:
      return 'it leads to a reserved address';
  }
}

function refused(host: string, why: string): AppError {
  return new AppError('address-refused', `No request is sent to ${host || 'an empty host'}: ${why}.`, {
    hint: 'If this is a server of your own, name it in the configuration; servers on the open internet need https.',
    details: { host },
  });
}
