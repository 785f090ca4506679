import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../contracts/app-error.ts';
import type { Config } from '../config/config.ts';

export interface Certificate {
  cert: string;
  key: string;
}

type CertificateConfig = Pick<Config, 'home' | 'host' | 'allowedHosts' | 'tlsCertificate' | 'tlsKey'>;

const lifetimeDays = 397;
const renewDays = 30;

/** The names and addresses by which people in the house reach this machine. */
function names({ host, allowedHosts }: CertificateConfig): string[] {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => !address.startsWith('fe80'))
    .map(({ address }) => address);
  const given = allowedHosts.map((name) => name.replace(/:\d+$/, ''));
  const all = ['localhost', '127.0.0.1', '::1', hostname(), host, ...own, ...given];
  return [...new Set(all)].filter((name) => name !== '0.0.0.0' && name !== '::');
}

function readGiven(config: CertificateConfig): Certificate {
  try {
    return { cert: readFileSync(config.tlsCertificate, 'utf8'), key: readFileSync(config.tlsKey, 'utf8') };
  } catch (cause) {
    throw new AppError('config-invalid', `the certificate cannot be read: ${String(cause)}`, {
      hint: 'Set both CORRAL_TLS_CERTIFICATE and CORRAL_TLS_KEY to PEM files, or neither.',
      cause,
    });
  }
}

function isUsable(file: string): boolean {
  if (!existsSync(file)) return false;
  const certificate = new X509Certificate(readFileSync(file));
  return new Date(certificate.validTo).getTime() > Date.now() + renewDays * 24 * 60 * 60_000;
}

async function make(config: CertificateConfig): Promise<Certificate> {
  const notAfterDate = new Date(Date.now() + lifetimeDays * 24 * 60 * 60_000);
  const altNames = names(config).map((name) =>
    isIP(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
  );
  const { generate } = await import('selfsigned');
  const made = await generate([{ name: 'commonName', value: 'Corral on this machine' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** The given certificate, or one made here and kept in CORRAL_HOME until it nears its end. */
export async function certificateOf(config: CertificateConfig): Promise<Certificate> {
  if (config.tlsCertificate !== '' || config.tlsKey !== '') return readGiven(config);
  const folder = join(config.home, 'tls');
  const files = { cert: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  if (isUsable(files.cert) && existsSync(files.key)) {
    return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
  }
  const certificate = await make(config);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(files.key, certificate.key, { mode: 0o600 });
  writeFileSync(files.cert, certificate.cert, { mode: 0o600 });
  return certificate;
}
