/**
 * Records of the signal descriptor: 16 bytes each, four little-endian 32-bit integers, the first of them a kind.
 * Parent → child: `cancel` with a ticket. Child → parent: one `beat` a second, from a thread that does not decode.
 */
export const signalBytes = 16;
export const heartbeatIntervalMs = 1000;

export const phases = ['starting', 'loading', 'idle', 'prompt', 'token', 'saving', 'stopping'] as const;
export type Phase = (typeof phases)[number];

export interface Heartbeat {
  phase: Phase;
  /** Decodes finished so far; in `prompt` and `token` it must move on. */
  steps: number;
  /** How long the phase has lasted without a step, milliseconds. */
  sinceStepMs: number;
}

const cancelKind = 1;
const beatKind = 2;

export function encodeCancel(ticket: number): Buffer {
  return record([cancelKind, ticket, 0, 0]);
}

export function encodeHeartbeat(beat: Heartbeat): Buffer {
  const sinceStepMs = Math.min(0xffff_ffff, Math.max(0, Math.round(beat.sinceStepMs)));
  return record([beatKind, phases.indexOf(beat.phase), beat.steps >>> 0, sinceStepMs]);
}

export type Signal = { kind: 'cancel'; ticket: number } | { kind: 'beat'; beat: Heartbeat };

/** Cuts a byte stream into signals; a record of an unknown kind is ignored. */
export function createSignalReader(): { push(chunk: Uint8Array): Signal[] } {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
      const signals: Signal[] = [];
      let offset = 0;
      for (; offset + signalBytes <= rest.length; offset += signalBytes) {
        const signal = decode(rest.subarray(offset, offset + signalBytes));
        if (signal !== null) signals.push(signal);
      }
      rest = rest.subarray(offset);
      return signals;
    },
  };
}

function decode(bytes: Buffer): Signal | null {
  const kind = bytes.readUInt32LE(0);
  if (kind === cancelKind) return { kind: 'cancel', ticket: bytes.readUInt32LE(4) };
  const phase = phases[bytes.readUInt32LE(4)];
  if (kind !== beatKind || phase === undefined) return null;
  return { kind: 'beat', beat: { phase, steps: bytes.readUInt32LE(8), sinceStepMs: bytes.readUInt32LE(12) } };
}

function record(words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(signalBytes);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4);
  return bytes;
}
