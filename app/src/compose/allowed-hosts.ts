import type { Config } from '../config/config.ts';
import { portOf } from '../net/destination.ts';

/** `host:port` of an address, with the port that its scheme implies. */
function hostOf(address: string): string {
  const url = new URL(address);
  return `${url.hostname}:${portOf(url)}`;
}

/** Hosts that the operator named by configuring something there; they may be on a private network and plain http. */
export function hostsToAllow(config: Config): string[] {
  const addresses = [config.hubEndpoint, config.loggingUrl, ...config.providers.map(({ url }) => url)];
  return [...config.outboundHosts, ...addresses.filter((address) => address !== '').map(hostOf)];
}
