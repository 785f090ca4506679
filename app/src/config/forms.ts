import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { isKeyText } from '../contracts/key-text.ts';
import { isServiceAddress, serviceAddressWords } from '../contracts/service-address.ts';
import { splitGivenHost } from '../lib/host-name.ts';

/**
 * The forms a setting may take. Each accepts what a flag, an environment variable or a JSON file can hold and
 * says in words what is allowed, so that a refused value can be answered with the right one.
 */
export interface Form<Value> {
  schema: z.ZodType<Value>;
  /** Completes "allowed: …". */
  allowed: string;
  /** What may be printed of a value, also of a refused one; absent: all of it. */
  mask?: (raw: string) => string;
}

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

function form<Value>(allowed: string, parse: (raw: string) => Value | undefined): Form<Value> {
  const schema = text.transform((raw, context) => {
    const value = parse(raw.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `allowed: ${allowed}` });
    return z.NEVER;
  });
  return { schema, allowed };
}

export function words(maxLength = 2000): Form<string> {
  return form(`text of 1 to ${maxLength} characters`, (raw) =>
    raw.length > 0 && raw.length <= maxLength ? raw : undefined,
  );
}

export function secret(minLength: number): Form<string> {
  return form(`at least ${minLength} characters without spaces`, (raw) =>
    raw.length >= minLength && !/\s/.test(raw) ? raw : undefined,
  );
}

/** A key that is sent in a header, by Corral or by its clients. */
export function headerKey(minLength: number, maxLength: number): Form<string> {
  return form(`${minLength} to ${maxLength} letters, digits and signs of ASCII, without spaces`, (raw) =>
    raw.length >= minLength && raw.length <= maxLength && isKeyText(raw) ? raw : undefined,
  );
}

export function wholeNumber(min: number, max: number): Form<number> {
  return form(`a whole number from ${min} to ${max}`, (raw) => {
    const value = /^-?\d+$/.test(raw) ? Number(raw) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

const yesAndNo: Record<string, boolean> = {
  true: true,
  yes: true,
  on: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  '0': false,
};

export function yesOrNo(): Form<boolean> {
  return form('true or false', (raw) => yesAndNo[raw.toLowerCase()]);
}

export function choice<const Name extends string>(names: readonly Name[]): Form<Name> {
  return form(names.join(', '), (raw) => names.find((name) => name === raw));
}

/** No request goes to an address with a name or password in it (net/destination.ts), so none is taken. */
function isPlainAddress(raw: string): boolean {
  const url = URL.parse(raw);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

/** Taken as it is written: who answers there may tell `/hook` from `/hook/`, and a token in its query may end in `/`. */
export function webAddress(): Form<string> {
  const allowed = 'an http:// or https:// address without name and password';
  return { ...form(allowed, (raw) => (isPlainAddress(raw) ? raw : undefined)), mask: maskedAddress };
}

/** An address that paths are put behind. */
export function serviceAddress(): Form<string> {
  const address = form(serviceAddressWords, (raw) =>
    isServiceAddress(raw) ? raw.replace(/\/+$/, '') : undefined,
  );
  return { ...address, mask: maskedAddress };
}

/**
 * The variable is the desktop's, so what other programs take is no reason not to start: without a scheme it is http, and
 * of another kind than ours the proxy is refused where it is first needed (net/http-sender.ts).
 */
export function proxyAddress(): Form<string> {
  return form('the address of a proxy, as [http://][name:password@]host:port', (raw) => {
    const address = raw.includes('://') ? raw : `http://${raw}`;
    return /\s/.test(raw) || !URL.parse(address)?.hostname ? undefined : address.replace(/\/+$/, '');
  });
}

/**
 * An address as it may be printed, also a refused one: tokens stand in queries, and names and passwords before an `@`, in
 * what is no address before the last one.
 */
export function maskedAddress(raw: string): string {
  const address = isPlainAddress(raw) ? raw : raw.replace(/^([\w+.-]+:\/\/)?.*@/s, '$1••••@');
  return address.replace(/([?#]).*$/s, '$1••••');
}

export function databaseAddress(): Form<string> {
  return form('postgres://user@host/database', (raw) =>
    /^postgres(ql)?:\/\/\S+$/.test(raw) ? raw : undefined,
  );
}

export function hostNames(): Form<readonly string[]> {
  const allowed =
    'names or addresses of hosts separated by commas, with :port or without; no https://, path or *, and letters beyond ASCII as xn--';
  return form(allowed, (raw) => {
    const names = raw
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    return names.length > 0 && names.every((name) => splitGivenHost(name) !== null) ? names : undefined;
  });
}

/** As `hostNames`, but a variable of other programs as well, of which some divide by blanks; nobody at all is fine. */
export function hostList(): Form<readonly string[]> {
  return form('hosts separated by commas or blanks', (raw) => raw.split(/[,\s]+/).filter(Boolean));
}

const units: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

export function byteSize(): Form<number> {
  return form('a size such as 500M, 8G or 0', (raw) => {
    const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?$/i.exec(raw);
    return match ? Math.round(Number(match[1]) * (units[(match[2] ?? '').toUpperCase()] ?? 1)) : undefined;
  });
}

/** A folder or file; a leading ~ is `homeFolder`, what is relative starts where the process was started. */
export function path(homeFolder: string): Form<string> {
  return form('a path', (raw) => {
    if (raw.length === 0 || raw.includes('\0')) return undefined;
    const expanded = raw === '~' || raw.startsWith('~/') ? homeFolder + raw.slice(1) : raw;
    return isAbsolute(expanded) ? expanded : resolve(expanded);
  });
}
