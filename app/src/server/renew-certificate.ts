import type { Server } from 'node:https';
import type { Config } from '../config/config.ts';
import type { Log } from '../lib/log.ts';
import { certificateOf, type Certificate } from './certificate.ts';

export const looksEveryMs = 60 * 60 * 1000;

/**
 * Lets a server that runs for months go on with the certificate that a start would take: what certbot put in place of
 * the operator's, or a new one where that of here nears its end. Gives back what ends it.
 */
export function renewCertificate(
  server: Server,
  first: Certificate,
  { config, log }: { config: Config; log: Log },
): () => void {
  let served = first;
  const look = async (): Promise<void> => {
    const found = await certificateOf(config);
    if (found.cert === served.cert && found.key === served.key) return;
    server.setSecureContext(found);
    served = found;
    log.info({ part: 'server' }, 'the certificate was renewed and is served from now on');
  };
  // Half of a pair may have been written just now: the one that is served goes on until the next look.
  const warn = (error: unknown): void =>
    log.warn({ part: 'server', error: String(error) }, 'the certificate was read anew and cannot be used');
  const timer = setInterval(() => void look().catch(warn), looksEveryMs).unref();
  return () => clearInterval(timer);
}
