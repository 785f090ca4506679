import type { Config } from '../config/config.ts';

/** Shorter values would hide ordinary words. */
const shortestSecret = 6;

/** A function that takes every secret of the operator out of a text; see A8. `further` may change while it runs. */
export function createMask(
  config: Config,
  further: () => readonly string[] = () => [],
): (text: string) => string {
  const { accessKey, hubToken, loggingSecret, databaseUrl, httpsProxy, httpProxy } = config;
  const secrets = [
    accessKey,
    hubToken,
    loggingSecret,
    databaseUrl,
    ...[databaseUrl, httpsProxy, httpProxy].flatMap(passwordsIn),
    ...config.providers.map((provider) => provider.key),
  ];
  return (text) =>
    [...secrets, ...further()]
      .filter((secret) => secret.length >= shortestSecret)
      .reduce((masked, secret) => masked.replaceAll(secret, '[hidden]'), text);
}

/** As it stands in an address, and as it is meant. */
function passwordsIn(address: string): string[] {
  const password = URL.canParse(address) ? new URL(address).password : '';
  return [password, decoded(password)];
}

/** A bare `%` is no code for anything, and the driver takes such a password as it stands. */
function decoded(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}
