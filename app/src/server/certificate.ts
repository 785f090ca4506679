import { mkdirSync, readFileSync } from 'node:fs';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../contracts/app-error.ts';
import type { Config } from '../config/config.ts';
import { homeAt, homeRefused } from '../config/home.ts';
import { writeDurably } from '../lib/durable-files.ts';
import { splitGivenHost } from '../lib/host-name.ts';

export interface Certificate {
  cert: string;
  key: string;
}

type CertificateConfig = Pick<Config, 'home' | 'host' | 'allowedHosts' | 'tlsCertificate' | 'tlsKey'>;

const lifetimeDays = 397;
const renewDays = 30;

/** What the operator says that this machine is called. */
function givenNames({ host, allowedHosts }: CertificateConfig): string[] {
  // Which network card an address belongs to (`%eth0`) is this machine's own word for it, and in no certificate.
  const listensAt = host.replace(/%.*$/, '');
  const given = [listensAt, ...allowedHosts.map((allowed) => splitGivenHost(allowed)?.name ?? '')];
  return given.filter((name) => name !== '' && name !== '0.0.0.0' && name !== '::');
}

/** The names and addresses by which people in the house reach this machine. */
function names(config: CertificateConfig): string[] {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => !address.startsWith('fe80'))
    .map(({ address }) => address);
  return [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...givenNames(config), ...own])];
}

function belongTogether({ cert, key }: Certificate): boolean {
  return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
}

function readGiven({ tlsCertificate, tlsKey }: CertificateConfig): Certificate {
  const refuse = (why: string, cause?: unknown): AppError =>
    new AppError('config-invalid', `the certificate cannot be used: ${why}`, {
      hint: 'Set both CORRAL_TLS_CERTIFICATE and CORRAL_TLS_KEY to PEM files that belong together, or neither.',
      cause,
    });
  try {
    const given = { cert: readFileSync(tlsCertificate, 'utf8'), key: readFileSync(tlsKey, 'utf8') };
    if (belongTogether(given)) return given;
  } catch (cause) {
    throw refuse(String(cause), cause);
  }
  throw refuse(`${tlsKey} is not the key of ${tlsCertificate}`);
}

/**
 * Whether it can go on being used. That the machine has other addresses or another name by now (a container has one each
 * time it is made) is no reason to make another: each new one has to be trusted anew in every browser.
 */
function isUsable(kept: Certificate, config: CertificateConfig): boolean {
  const certificate = new X509Certificate(kept.cert);
  const isNamed = (name: string): boolean =>
    (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  const endsAt = new Date(certificate.validTo).getTime();
  return (
    belongTogether(kept) &&
    endsAt > Date.now() + renewDays * 24 * 60 * 60_000 &&
    givenNames(config).every(isNamed)
  );
}

interface CertificateFiles {
  folder: string;
  cert: string;
  key: string;
}

/** Null where there is none, or none that can be used: another is made. */
function readKept(files: CertificateFiles, config: CertificateConfig): Certificate | null {
  try {
    const kept = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
    return isUsable(kept, config) ? kept : null;
  } catch {
    return null;
  }
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

/** Each file is whole or as before; a pair of which only the key is new does not belong together, and is made again. */
async function keep(home: string, files: CertificateFiles, { cert, key }: Certificate): Promise<void> {
  const { folder } = files;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await writeDurably({ folder, path: files.key, aside: `${files.key}.part` }, key);
    await writeDurably({ folder, path: files.cert, aside: `${files.cert}.part` }, cert);
  } catch (error) {
    throw homeRefused(home, error);
  }
}

/** The given certificate, or one made here and kept in CORRAL_HOME until it nears its end. */
export async function certificateOf(config: CertificateConfig): Promise<Certificate> {
  if (config.tlsCertificate !== '' || config.tlsKey !== '') return readGiven(config);
  const folder = homeAt(config.home).certificate;
  const files = { folder, cert: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  const kept = readKept(files, config);
  if (kept !== null) return kept;
  const certificate = await make(config);
  await keep(config.home, files, certificate);
  return certificate;
}
