import { createServer, type LookupFunction, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../contracts/app-error.ts';
import { silentLog } from '../lib/log.ts';
import { addressBytes, addressKind } from './address.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';

/** Every spelling here leads to this machine, a private network, a cloud's credentials or nowhere. */
const hosts = `
127.0.0.1 127.1 127.0.1 127.255.255.254 127.0.0.2 0x7f000001 0x7f.1 0x7f.0.0.1 2130706433 017700000001 0177.0.0.1
0177.0.0.01 ①②⑦.⓪.⓪.① １２７.0.0.1 127。0。0。1 127.0.0.1. localhost localhost. LOCALHOST sub.localhost
0.0.0.0 0 0x0 000 0.0.0.1 0.255.255.255
10.0.0.1 10.255.255.255 012.1 0x0a000001 167772161 172.16.0.1 172.31.255.255 2886729729 192.168.0.1 192.168.255.255
0xc0a80001 3232235521 100.64.0.1 100.127.255.255 100.100.100.200
169.254.0.1 169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376 169.254.43518 169.16689662 169.254.170.2
169.254.170.23 168.63.129.16 192.0.0.192 metadata.google.internal METADATA.google.internal metadata metadata.goog
instance-data instance-data.ec2.internal
192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 0xffffffff 4294967295
[::1] [0:0:0:0:0:0:0:1] [::] [::0.0.0.1] [::127.0.0.1] [::10.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:7F00:1]
[0:0:0:0:0:ffff:7f00:0001] [::ffff:0:7f00:1] [::ffff:10.0.0.1] [::ffff:169.254.169.254] [::ffff:a9fe:a9fe]
[::ffff:192.168.1.1] [::ffff:0.0.0.0] [::ffff:255.255.255.255]
[64:ff9b::7f00:1] [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b::10.1.2.3] [64:ff9b:1::1] [64:ff9b:1::808:808]
[2002:7f00:1::] [2002:7f00:0001::1] [2002:a9fe:a9fe::] [2002:c0a8:101::1] [2002:a00:1::]
[2001:0:7f00:1::1] [2001::1] [2001:2::1] [2001:10::1] [2001:db8::1] [3fff::1] [100::1]
[fc00::1] [fd00::1] [fd00:ec2::254] [fd00:ec2::23] [fd20:ce::254] [fdff:ffff::1] [fe80::1] [febf::1] [fec0::1]
[ff02::1] [ff05::2] [ff0e::1] [4000::1] [5f00::1] [8000::1] [e000::1] [1::1]
rebind.test mixed.test mapped.test private.test linklocal.test zero.test nat64.test sixtofour.test unique.test
broadcast.test cname-to-localhost.test
`
  .trim()
  .split(/\s+/);

const names: Record<string, string[]> = {
  localhost: ['127.0.0.1'],
  'localhost.': ['127.0.0.1'],
  'sub.localhost': ['::1'],
  'mixed.test': ['93.184.216.34', '127.0.0.1'],
  'mapped.test': ['::ffff:127.0.0.1'],
  'private.test': ['192.168.7.7'],
  'linklocal.test': ['169.254.169.254'],
  'zero.test': ['0.0.0.0'],
  'nat64.test': ['64:ff9b::7f00:1'],
  'sixtofour.test': ['2002:7f00:1::'],
  'unique.test': ['fd00:ec2::254'],
  'broadcast.test': ['255.255.255.255'],
  'cname-to-localhost.test': ['127.0.0.1'],
};

describe('where requests may go', () => {
  let connections = 0;
  let lookups = 0;
  let canary: Server;
  let port: number;
  let client: HttpClient;

  /** Answers from the table; `rebind.test` would be public at a second look. */
  const lookup: LookupFunction = (hostname, _options, callback) => {
    lookups += 1;
    const addresses = names[hostname] ?? (lookups % 2 === 1 ? ['127.0.0.1'] : ['93.184.216.34']);
    setImmediate(() =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    );
  };

  beforeAll(async () => {
    canary = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => canary.listen(0, resolve));
    port = (canary.address() as { port: number }).port;
    client = createHttpClient({ allowedHosts: ['named.test'], lookup, log: silentLog });
  });

  afterAll(async () => {
    await client.close();
    canary.close();
  });

  it('knows at least 120 ways to name an address that is closed', () => {
    expect(new Set(hosts).size).toBeGreaterThanOrEqual(120);
  });

  it.each(hosts)('%s is refused and nothing is dialled', async (host) => {
    lookups = 0;
    const before = connections;
    for (const scheme of ['https', 'http']) {
      const failure = await client.request(`${scheme}://${host}:${port}/`).catch((error: unknown) => error);
      expect(failure, scheme).toBeInstanceOf(AppError);
      expect((failure as AppError).code, scheme).toBe('address-refused');
    }
    expect(lookups).toBeLessThanOrEqual(1);
    expect(connections).toBe(before);
  });

  it.each([
    'ftp://example.com/',
    'file:///etc/passwd',
    'https://user:secret@example.com/',
    'http://example.com/',
  ])('%s is refused', async (url) => {
    await expect(client.request(url)).rejects.toMatchObject({ code: 'address-refused' });
  });

  it('never opens metadata services, not even by name of the operator', async () => {
    const named = createHttpClient({
      allowedHosts: ['169.254.169.254', 'linklocal.test', '[fd00:ec2::254]', 'metadata.google.internal'],
      lookup,
      log: silentLog,
    });
    for (const host of ['169.254.169.254', 'linklocal.test', '[fd00:ec2::254]', 'metadata.google.internal']) {
      await expect(named.request(`http://${host}:${port}/`)).rejects.toMatchObject({
        code: 'address-refused',
      });
    }
    await named.close();
  });

  it('opens a named host, but not its other ports when one was named, and never itself', async () => {
    const own = createHttpClient({
      allowedHosts: [`127.0.0.1:${port}`, '127.0.0.2'],
      ownPorts: () => [port + 1],
      lookup,
      log: silentLog,
    });
    const before = connections;
    await expect(own.request(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'network-failed' });
    expect(connections).toBe(before + 1);
    for (const host of [`127.0.0.1:${port + 2}`, `127.0.0.2:${port + 1}`]) {
      await expect(own.request(`http://${host}/`)).rejects.toMatchObject({ code: 'address-refused' });
    }
    await own.close();
  });

  it('opens an IPv6 address by any of its spellings, at the port that was named', async () => {
    const dialled = async (named: string, url: string): Promise<unknown> => {
      const own = createHttpClient({ allowedHosts: [named], lookup, log: silentLog });
      const failure = await own.request(url).catch((error: unknown) => error);
      await own.close();
      return (failure as AppError).code;
    };
    // Whoever answers at the other end of it, and be it nobody.
    for (const named of [`[::1]:${port}`, '[::1]', '::1', `[0:0:0:0:0:0:0:1]:${port}`]) {
      expect(await dialled(named, `http://[::1]:${port}/`), named).toBe('network-failed');
    }
    for (const named of [`[::1]:${port + 1}`, `::1:${port}`, '[fd00::5]']) {
      expect(await dialled(named, `http://[::1]:${port}/`), named).toBe('address-refused');
    }
  });

  it.each([
    ['1.1.1.1', 'public'],
    ['93.184.216.34', 'public'],
    ['172.32.0.1', 'public'],
    ['100.128.0.1', 'public'],
    ['2606:4700::1111', 'public'],
    ['2a02::1%eth0', 'public'],
    ['64:ff9b::101:101', 'public'],
    ['2002:101:101::', 'public'],
    ['::ffff:1.1.1.1', 'public'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(addressBytes(address) ?? new Uint8Array(4))).toBe(kind);
  });
});
