import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { beforeEach, afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixtures/temporary-folder.ts';
import { certificateOf, type Certificate } from './certificate.ts';

let home: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: home, remove } = await temporaryFolder());
});
afterEach(() => remove());

interface Given {
  host?: string;
  allowedHosts?: string[];
  tlsCertificate?: string;
  tlsKey?: string;
}

const certificate = (given: Given = {}): Promise<Certificate> =>
  certificateOf({ home, host: '0.0.0.0', allowedHosts: [], tlsCertificate: '', tlsKey: '', ...given });

const place = (name: string): string => join(home, 'tls', name);

function put(name: string, text: string): string {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
}

describe('a certificate made here', () => {
  test('is kept for the next start, for nobody else to read', async () => {
    const made = await certificate();
    expect(await certificate()).toEqual(made);
    expect(readFileSync(place('certificate.pem'), 'utf8')).toBe(made.cert);
    for (const name of ['certificate.pem', 'key.pem']) expect(statSync(place(name)).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['an empty certificate', 'certificate.pem', ''],
    ['half a certificate', 'certificate.pem', '-----BEGIN CERTIFICATE-----\nMIIB'],
    ['an empty key', 'key.pem', ''],
  ])('is made again where a power cut left %s', async (_what, name, left) => {
    const made = await certificate();
    writeFileSync(place(name), left);
    const again = await certificate();
    expect(again.cert).not.toBe(made.cert);
    expect(await certificate()).toEqual(again);
  });

  test('is made again where the key is of another one', async () => {
    const made = await certificate();
    writeFileSync(place('key.pem'), '');
    const { key } = await certificate();
    writeFileSync(place('certificate.pem'), made.cert);
    const again = await certificate();
    expect([made.key, key]).not.toContain(again.key);
  });

  test('is made again when the operator gives a name that it lacks', async () => {
    const made = await certificate();
    const allowedHosts = ['chat.example.lan:8443', 'fd00::5'];
    const named = await certificate({ allowedHosts });
    expect(named.cert).not.toBe(made.cert);
    const read = new X509Certificate(named.cert);
    expect(read.checkHost('chat.example.lan')).toBe('chat.example.lan');
    expect(read.checkIP('fd00::5')).toBe('fd00::5');
    expect(await certificate({ allowedHosts })).toEqual(named);
    // What it has too much does no harm.
    expect(await certificate()).toEqual(named);
  });
});

test('a certificate stays where the machine has another name by now, as a container that was made anew', async () => {
  const notAfterDate = new Date(Date.now() + 300 * 24 * 60 * 60_000);
  const options = {
    keyType: 'ec' as const,
    notAfterDate,
    extensions: [{ name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: 'before' }] }],
  };
  const before = await generate([{ name: 'commonName', value: 'Corral on this machine' }], options);
  mkdirSync(join(home, 'tls'));
  writeFileSync(place('certificate.pem'), before.cert);
  writeFileSync(place('key.pem'), before.private);
  expect(await certificate()).toEqual({ cert: before.cert, key: before.private });
});

test('an address of one network card is in the certificate, and keeps it', async () => {
  const made = await certificate({ host: 'fe80::1%eth0' });
  expect(new X509Certificate(made.cert).checkIP('fe80::1')).toBe('fe80::1');
  expect(await certificate({ host: 'fe80::1%eth0' })).toEqual(made);
});

test('a certificate for which there is no room stops the start with what to do', async () => {
  mkdirSync(join(home, 'tls'));
  symlinkSync('/dev/full', place('key.pem.part'));
  await expect(certificate()).rejects.toMatchObject({
    code: 'disk-full',
    hint: 'Make room on that disk, or set CORRAL_HOME to a folder on another one.',
  });
});

describe('a certificate of the operator', () => {
  test('is taken as it is', async () => {
    const { cert, key } = await certificate();
    const given = { tlsCertificate: put('cert.pem', cert), tlsKey: put('key.pem', key) };
    expect(await certificate(given)).toEqual({ cert, key });
  });

  test('that is none, or whose key is of another, stops the start as a wrong setting', async () => {
    const { cert, key } = await certificate();
    writeFileSync(place('key.pem'), '');
    const other = await certificate();
    const nothing = put('nothing.pem', 'nothing');
    const wrong: [string, string][] = [
      [nothing, put('key.pem', key)],
      [put('cert.pem', cert), nothing],
      [put('cert.pem', cert), put('other.pem', other.key)],
      [join(home, 'not-there.pem'), nothing],
    ];
    for (const [tlsCertificate, tlsKey] of wrong)
      await expect(certificate({ tlsCertificate, tlsKey })).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
