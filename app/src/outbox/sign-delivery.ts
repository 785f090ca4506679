import { createHmac } from 'node:crypto';

/** A secret may be given as `whsec_` and Base64, as Standard Webhooks writes them; anything else is taken as it is. */
const encodedPrefix = 'whsec_';

/** Several secrets, separated by commas, while receivers move from an old one to a new one: each signs. */
export function parseSecrets(setting: string): Buffer[] {
  return setting
    .split(',')
    .filter((secret) => secret !== '')
    .map((secret) =>
      secret.startsWith(encodedPrefix)
        ? Buffer.from(secret.slice(encodedPrefix.length), 'base64')
        : Buffer.from(secret, 'utf8'),
    );
}

/** Headers of Standard Webhooks 1.0. The id is that of the event, the time that of this attempt. */
export function deliveryHeaders(
  event: { id: string; body: string },
  secrets: readonly Buffer[],
  now: number,
): Record<string, string> {
  const timestamp = Math.floor(now / 1000);
  const signed = `${event.id}.${timestamp}.${event.body}`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`,
  );
  return {
    'content-type': 'application/json',
    'user-agent': 'corral',
    'webhook-id': event.id,
    'webhook-timestamp': String(timestamp),
    ...(signatures.length === 0 ? {} : { 'webhook-signature': signatures.join(' ') }),
  };
}
