/**
 * What a header can carry as it is. Nobody gives out a key with anything else in it: it is a masked one that was copied
 * (`sk-••••`), or has a space or something that cannot be seen.
 */
export function isKeyText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** Of what Corral sends to a service or the Hub: far more than any of them gives out. */
export const maxServiceKeyLength = 4096;

/** What the setting takes, and the page and clients may send. */
export const maxAccessKeyLength = 512;
