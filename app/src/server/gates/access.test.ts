import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import { createAccess, type Access, type AccessQuestion } from './access.ts';
import { createEndedSessions } from './ended-sessions.ts';

const accessKey = 'a-right-access-key-0123456789';
const minute = 60_000;
const day = 24 * 60 * minute;
let now = 0;
beforeEach(() => void (now = 1_800_000_000_000));
const clock = { now: () => now };

function folder(): string {
  const home = mkdtempSync(join(tmpdir(), 'corral-access-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

function accessIn(home: string, { port = 7860, isHttps = false, key = accessKey } = {}): Access {
  return createAccess({
    accessKey: key,
    localToken: 'the-local-token',
    port: () => port,
    isHttps,
    clock,
    ended: createEndedSessions({ home, clock, log: silentLog }),
  });
}

const from = (remoteAddress: string, headers: AccessQuestion['headers'] = {}): AccessQuestion => ({
  headers,
  remoteAddress,
});
const here = from('192.0.2.1');
const withCookie = (setCookie: string): AccessQuestion =>
  from('192.0.2.1', { cookie: setCookie.split(';')[0] ?? '' });

describe('wrong keys', () => {
  const fail = (access: Access, times: number): void => {
    for (let count = 0; count < times; count++)
      expect(() => access.signIn('wrong', here)).toThrow('is not right');
  };

  test('ten of one address make it wait for a quarter of an hour, and no longer', () => {
    const access = accessIn(folder());
    fail(access, 10);
    expect(() => access.signIn(accessKey, here)).toThrow(/too many/);
    expect(() => access.signIn(accessKey, from('192.0.2.2'))).not.toThrow();
    now += 15 * minute - 1;
    expect(() => access.signIn(accessKey, here)).toThrow(/too many/);
    now += 1;
    expect(() => access.signIn(accessKey, here)).not.toThrow();
    fail(access, 10);
    expect(() => access.signIn(accessKey, here)).toThrow(/too many/);
  });

  test('of long ago do not count', () => {
    const access = accessIn(folder());
    fail(access, 9);
    now += 15 * minute;
    fail(access, 9);
    expect(() => access.signIn(accessKey, here)).not.toThrow();
  });
});

describe('a session', () => {
  test('ends after 30 days', () => {
    const access = accessIn(folder());
    const question = withCookie(access.signIn(accessKey, here));
    now += 30 * day - 1;
    expect(access.whoIsAsking(question)).toMatchObject({ by: 'cookie' });
    now += 1;
    expect(() => access.whoIsAsking(question)).toThrow('asks for its access key');
    expect(access.isSignedIn(question.headers)).toBe(false);
  });

  test('ends with another key', () => {
    const home = folder();
    const question = withCookie(accessIn(home).signIn(accessKey, here));
    expect(accessIn(home).isSignedIn(question.headers)).toBe(true);
    expect(accessIn(home, { key: 'another-access-key-0123456789' }).isSignedIn(question.headers)).toBe(false);
  });

  test('that was signed out is remembered until it would have ended, by the next start too', async () => {
    const home = folder();
    const access = accessIn(home);
    const first = withCookie(access.signIn(accessKey, here));
    await access.signOut(first.headers);
    now += day;
    const second = withCookie(access.signIn(accessKey, here));
    await access.signOut(second.headers);
    for (const one of [access, accessIn(home)]) {
      expect(one.isSignedIn(first.headers)).toBe(false);
      expect(one.isSignedIn(second.headers)).toBe(false);
    }
    const kept = (): unknown[] =>
      JSON.parse(readFileSync(join(home, 'signed-out.json'), 'utf8')) as unknown[];
    expect(kept()).toHaveLength(2);
    now += 29 * day;
    await access.signOut(withCookie(access.signIn(accessKey, here)).headers);
    expect(kept()).toHaveLength(2);
  });

  test('can be signed out also where the list of those that ended cannot be read', async () => {
    const home = folder();
    writeFileSync(join(home, 'signed-out.json'), '{"half":');
    const access = accessIn(home);
    const question = withCookie(access.signIn(accessKey, here));
    expect(access.isSignedIn(question.headers)).toBe(true);
    await access.signOut(question.headers);
    expect(accessIn(home).isSignedIn(question.headers)).toBe(false);
  });

  test('has a name of its own for each server of a machine', () => {
    const home = folder();
    for (const isHttps of [false, true]) {
      const [one, other] = [7860, 7861].map((port) =>
        accessIn(home, { port, isHttps }).signIn(accessKey, here),
      );
      expect(one?.split('=')[0]).not.toBe(other?.split('=')[0]);
    }
  });
});

test.each(['access.ts', 'sessions.ts'])('%s compares secrets in constant time only', (file) => {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  const secrets = /^(accessKey|localToken|bearer|key|token|proof|given|right)$/;
  const harmless = /^(''|undefined|null)$/;
  const compared = [...source.matchAll(/([\w.']+) [!=]==? ([\w.']+)/g)].filter(
    ([, left = '', right = '']) => secrets.test(left) || secrets.test(right),
  );
  expect(compared.filter(([, , right = '']) => !harmless.test(right)).map(([text]) => text)).toEqual([]);
});
