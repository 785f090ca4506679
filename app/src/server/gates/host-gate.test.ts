import { expect, test } from 'vitest';
import { createHostGate } from './host-gate.ts';

test('listening on every address, it goes with those that the machine has just now', async () => {
  let addresses = ['127.0.0.1'];
  const gate = createHostGate({ host: '0.0.0.0', allowedHosts: [], addresses: () => addresses });
  expect(gate.allows('192.168.1.20:7860')).toBe(false);
  // The network is up, with the first lease.
  addresses = ['127.0.0.1', '192.168.1.20', 'fd00::5'];
  await expect.poll(() => gate.allows('192.168.1.20:7860'), { timeout: 10_000 }).toBe(true);
  expect(gate.allows('[fd00::5]:7860')).toBe(true);
  addresses = ['127.0.0.1', '192.168.7.9'];
  await expect.poll(() => gate.allows('192.168.7.9'), { timeout: 10_000 }).toBe(true);
  expect(gate.allows('192.168.1.20:7860')).toBe(false);
  expect(gate.allows('evil.example')).toBe(false);
});

test('requests by wrong addresses do not make it read them again each time', () => {
  let readings = 0;
  const addresses = (): string[] => [`192.0.2.${++readings}`];
  const gate = createHostGate({ host: '::', allowedHosts: [], addresses });
  for (let count = 0; count < 1000; count++) gate.allows('198.51.100.1');
  for (let count = 0; count < 1000; count++) gate.allows('evil.example');
  expect(readings).toBeLessThan(100);
});

test.each(['127.0.0.2', '192.168.1.20', 'box.lan'])(
  'listening on %s alone, that and loopback are its names',
  (host) => {
    const gate = createHostGate({ host, allowedHosts: [], addresses: () => ['192.0.2.1'] });
    for (const name of [host, host.toUpperCase(), 'localhost'])
      expect(gate.allows(`${name}:7860`)).toBe(true);
    for (const name of ['192.0.2.1', '127.0.0.3', 'evil.example']) expect(gate.allows(name)).toBe(false);
  },
);
