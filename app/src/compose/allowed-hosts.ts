import type { Config } from '../config/config.ts';

/** `host:port` of an address, with the port that its scheme implies. */
function hostOf(address: string): string {
  const { hostname, port, protocol } = new URL(address);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

/** Hosts that the operator named by configuring something there; they may be on a private network and plain http. */
export function hostsToAllow(config: Config): string[] {
  const addresses = [config.hubEndpoint, config.loggingUrl, ...config.providers.map(({ url }) => url)];
  return [...config.outboundHosts, ...addresses.filter((address) => address !== '').map(hostOf)];
}
