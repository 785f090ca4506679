import type { Primitive } from './grammar-rules.ts';

export interface StringFormat {
  /** GBNF of its content. */
  body: string;
  needs: readonly Primitive[];
  /** Of all texts that the body allows. */
  shortest: number;
  longest: number;
}

/** String formats that a grammar can hold an answer to; others are only remarks. */
const formats = new Map<string, StringFormat>([
  ['date', { body: 'date', needs: ['date'], shortest: 10, longest: 10 }],
  ['time', { body: 'time', needs: ['time'], shortest: 9, longest: 21 }],
  ['date-time', { body: 'date "T" time', needs: ['date', 'time'], shortest: 20, longest: 32 }],
  [
    'uuid',
    {
      body: '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{4} "-" [0-9a-f]{12}',
      needs: [],
      shortest: 36,
      longest: 36,
    },
  ],
  ['ipv4', { body: 'octet "." octet "." octet "." octet', needs: ['octet'], shortest: 7, longest: 15 }],
  [
    'email',
    {
      // No longer than an address may be, which is what schemas allow: 254.
      body: '[a-zA-Z0-9._+-]{1,64} "@" [a-zA-Z0-9-]{1,46} ("." [a-zA-Z0-9-]{1,46}){1,3}',
      needs: [],
      shortest: 5,
      longest: 252,
    },
  ],
  [
    'uri',
    {
      body: '[a-z] [a-z0-9+.-]{1,15} ":" [!#-;=?-Z_a-z~]{1,2000}',
      needs: [],
      shortest: 4,
      longest: 2017,
    },
  ],
]);

export function stringFormat(name: string): StringFormat | undefined {
  return formats.get(name);
}
