import { decodeEntities } from './entities.ts';

const allowed = new Set(['http:', 'https:', 'mailto:', 'tel:']);

/** The address of a link that may be followed, or null. Relative addresses lead nowhere here and are refused. */
export function safeAddress(href: string): string | null {
  const address = decodeEntities(href).trim();
  if (address.startsWith('#')) return null;
  try {
    const url = new URL(address);
    return allowed.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** The address of a picture and whether it lies elsewhere; null where it may not be shown at all. */
export function pictureAddress(href: string): { address: string; isRemote: boolean } | null {
  const address = decodeEntities(href).trim();
  if (/^data:image\/(?:png|jpeg|gif|webp);base64,/i.test(address)) return { address, isRemote: false };
  const safe = safeAddress(address);
  return safe?.startsWith('http') ? { address: safe, isRemote: true } : null;
}
