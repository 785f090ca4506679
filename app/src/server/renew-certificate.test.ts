import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startServer } from '../../test/fixtures/running-server.ts';
import { temporaryFolder } from '../../test/fixtures/temporary-folder.ts';
import { silentLog } from '../lib/log.ts';
import type { Certificate } from './certificate.ts';
import { looksEveryMs } from './renew-certificate.ts';

async function newCertificate(): Promise<Certificate> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'chat.lan' }], {
    keyType: 'ec',
    notAfterDate: new Date(Date.now() + 90 * 24 * 60 * 60_000),
  });
  return { cert, key };
}

const fingerprintOf = ({ cert }: Certificate): string => new X509Certificate(cert).fingerprint256;

/** What a browser is shown that connects now. */
async function shownAt(address: string): Promise<string> {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

test('a renewed certificate is served without a restart, and half of a new pair changes nothing', async () => {
  const { path: folder, remove } = await temporaryFolder();
  onTestFinished(remove);
  const [first, second] = [await newCertificate(), await newCertificate()];
  const files = { cert: join(folder, 'fullchain.pem'), key: join(folder, 'privkey.pem') };
  const put = (name: 'cert' | 'key', certificate: Certificate): void =>
    writeFileSync(files[name], certificate[name]);
  put('cert', first);
  put('key', first);
  const said: string[] = [];
  const say = (_fields: object, message: string): void => void said.push(message);
  const intervals = vi.spyOn(globalThis, 'setInterval');
  onTestFinished(() => intervals.mockRestore());
  const running = await startServer({
    environment: {
      CORRAL_HTTPS: 'true',
      CORRAL_TLS_CERTIFICATE: files.cert,
      CORRAL_TLS_KEY: files.key,
    },
    log: { ...silentLog, warn: say, info: say },
  });
  const { address } = running;
  onTestFinished(() => running.close());
  const looks = intervals.mock.calls.filter(([, everyMs]) => everyMs === looksEveryMs);
  const anHourLater = (): void => looks.forEach(([look]) => look());
  expect(await shownAt(address)).toBe(fingerprintOf(first));

  put('cert', second);
  anHourLater();
  await vi.waitUntil(() => said.some((message) => message.includes('cannot be used')), { timeout: 30_000 });
  expect(await shownAt(address)).toBe(fingerprintOf(first));

  put('key', second);
  anHourLater();
  await vi.waitUntil(() => said.some((message) => message.includes('renewed')), { timeout: 30_000 });
  expect(await shownAt(address)).toBe(fingerprintOf(second));
});
