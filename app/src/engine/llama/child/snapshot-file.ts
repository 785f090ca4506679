import { createHash } from 'node:crypto';
import { AppError } from '../../../contracts/app-error.ts';
import type { Transcript } from './transcript.ts';
import type { StoredState } from './task.ts';

/**
 * A KV state on disk. The library checks nothing of what it is given: a state cut short ends the process and flipped
 * bytes load silently, so this format carries length and hash of everything, and of what the state depends on.
 *
 *   magic (8 bytes) · length of the head (u32) · length of the state (u64) · SHA-256 of all that follows ·
 *   head (JSON in UTF-8) · token ids (i32 each) · state
 */
const magic = Buffer.from('CORRALKV');
const lengthsBytes = 4 + 8;
const hashBytes = 32;
export const fixedBytes = magic.length + lengthsBytes + hashBytes;

/** A transcript has a few characters a token; a head above this is a fault or an attack. */
const maxHeadBytes = 64 * 1024 * 1024;
/** Above it one read does not fill a buffer, and the copy in memory would hurt more than reading anew. */
export const maxStateBytes = 1.75 * 1024 ** 3;
const maxTokens = 4_194_304;

interface Head {
  /** What the state depends on; see `basisOf`. */
  basis: string;
  tokens: number;
  transcript: (Omit<Transcript, 'ids'> & { ids: number[] }) | null;
}

export function encodeSnapshot(basis: string, stored: StoredState): Buffer[] {
  const { transcript } = stored;
  const head: Head = {
    basis,
    tokens: stored.ids.length,
    transcript: transcript === null ? null : { ...transcript, ids: Array.from(transcript.ids) },
  };
  const headBytes = Buffer.from(JSON.stringify(head));
  const ids = Buffer.from(stored.ids.buffer, stored.ids.byteOffset, stored.ids.byteLength);
  const lengths = Buffer.alloc(lengthsBytes);
  lengths.writeUInt32LE(headBytes.length, 0);
  lengths.writeBigUInt64LE(BigInt(stored.state.length), 4);
  const state = Buffer.from(stored.state.buffer, stored.state.byteOffset, stored.state.byteLength);
  const hash = createHash('sha256').update(headBytes).update(ids).update(state).digest();
  return [magic, lengths, hash, headBytes, ids, state];
}

/** Throws `file-invalid` unless the file is whole, unaltered and of this basis. */
export function decodeSnapshot(basis: string, file: Buffer): StoredState {
  const { body, headBytes, idsBytes } = checkBytes(file);
  const head = JSON.parse(body.toString('utf8', 0, headBytes)) as Head;
  if (head.basis !== basis) throw invalid('it is of another model or of other settings');
  if (head.tokens !== idsBytes / 4) throw invalid('its token count does not match');
  const ids = new Int32Array(head.tokens);
  for (let index = 0; index < ids.length; index++) ids[index] = body.readInt32LE(headBytes + index * 4);
  const { transcript } = head;
  return {
    ids,
    state: body.subarray(headBytes + idsBytes),
    transcript: transcript === null ? null : { ...transcript, ids: Int32Array.from(transcript.ids) },
  };
}

function checkBytes(file: Buffer): { body: Buffer; headBytes: number; idsBytes: number } {
  if (file.length < fixedBytes || !file.subarray(0, magic.length).equals(magic)) {
    throw invalid('it does not begin as one');
  }
  const headBytes = file.readUInt32LE(magic.length);
  const stateBytes = Number(file.readBigUInt64LE(magic.length + 4));
  if (headBytes > maxHeadBytes || stateBytes > maxStateBytes) throw invalid('its lengths make no sense');
  const body = file.subarray(fixedBytes);
  const idsBytes = body.length - headBytes - stateBytes;
  if (idsBytes < 4 || idsBytes % 4 !== 0 || idsBytes / 4 > maxTokens) {
    throw invalid('it has been cut or lengthened');
  }
  const hash = file.subarray(magic.length + lengthsBytes, fixedBytes);
  if (!createHash('sha256').update(body).digest().equals(hash)) throw invalid('its bytes were altered');
  return { body, headBytes, idsBytes };
}

function invalid(reason: string): AppError {
  return new AppError('file-invalid', `A saved chat state cannot be used: ${reason}.`, {
    hint: 'Nothing is lost: the chat is read anew.',
  });
}
