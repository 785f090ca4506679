import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { AppError } from '../../contracts/app-error.ts';

/**
 * Keys of services as the database keeps them: AES-256-GCM under a key that lies beside it in CORRAL_HOME, so that a
 * copy of the database (a backup, a PostgreSQL elsewhere) holds no key that can be read. `context` is sealed in as
 * well: a sealed key put at another name or another host does not open.
 */
export interface Sealer {
  seal(secret: string, context: string): string;
  /** Null where it was sealed elsewhere, or was changed. */
  open(sealed: string, context: string): string | null;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const version = 'v1:';

/** The file is made, for this user alone, when the first key is sealed. */
export function createSealer(file: string): Sealer {
  return {
    seal(secret, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', keyToSeal(file), nonce).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return version + Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
    },
    open(sealed, context) {
      const key = keyIn(file);
      // A file of another length sealed nothing: what it is asked to open was sealed elsewhere.
      if (!sealed.startsWith(version) || key?.length !== keyBytes) return null;
      const bytes = Buffer.from(sealed.slice(version.length), 'base64');
      if (bytes.length < nonceBytes + tagBytes) return null;
      const [nonce, rest] = [bytes.subarray(0, nonceBytes), bytes.subarray(nonceBytes)];
      const cipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
      cipher.setAuthTag(rest.subarray(0, tagBytes));
      try {
        return Buffer.concat([cipher.update(rest.subarray(tagBytes)), cipher.final()]).toString('utf8');
      } catch {
        return null;
      }
    },
  };
}

/** Null: there is none. */
function keyIn(file: string): Buffer | null {
  return existsSync(file) ? readFileSync(file) : null;
}

function keyToSeal(file: string): Buffer {
  const kept = keyIn(file);
  // An empty file has never sealed anything.
  const key = kept === null || kept.length === 0 ? makeKey(file) : kept;
  if (key.length === keyBytes) return key;
  throw new AppError('file-invalid', `${file} is not the key that it was made as.`, {
    hint: 'Put it back from a backup, or delete it and enter the keys of your services again.',
  });
}

/** Written aside, so that a full disk leaves no part of a key under its name. */
function makeKey(file: string): Buffer {
  const aside = `${file}.part`;
  const key = randomBytes(keyBytes);
  rmSync(aside, { force: true });
  try {
    writeFileSync(aside, key, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
  return key;
}
