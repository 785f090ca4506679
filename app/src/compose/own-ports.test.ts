import { expect, test } from 'vitest';
import { silentLog } from '../lib/log.ts';
import { createHttpClient } from '../net/http-client.ts';
import { portsOf } from './own-ports.ts';

test.each([
  ['http://127.0.0.1', 'http://127.0.0.1/v1/models'],
  ['https://localhost', 'https://127.0.0.1/v1/models'],
  ['http://127.0.0.1:7860', 'http://127.0.0.1:7860/v1/models'],
])('a server at %s is not asked by itself at %s', async (address, url) => {
  const client = createHttpClient({
    allowedHosts: ['127.0.0.1'],
    ownPorts: () => portsOf(address),
    log: silentLog,
  });
  await expect(client.request(url)).rejects.toThrow('it is this program itself');
  await client.close();
});

test('what does not listen has no port', () => {
  expect(portsOf(null)).toEqual([]);
});
