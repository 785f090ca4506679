import { array, assert, infiniteStream, integer, jsonValue, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contracts/app-error.ts';
import { createFrameReader, encodeFrame } from './frames.ts';
import { maxFrameBytes, replySchema, requestSchema } from './protocol.ts';
import { createSignalReader, encodeCancel, encodeHeartbeat } from './signals.ts';

describe('frames', () => {
  it('come back whole however the stream is cut', () => {
    assert(
      property(
        array(jsonValue(), { maxLength: 6 }),
        infiniteStream(integer({ min: 1, max: 9 })),
        (values, cuts) => {
          const bytes = Buffer.concat(values.map((value) => encodeFrame(value)));
          const reader = createFrameReader();
          const received: unknown[] = [];
          for (let at = 0; at < bytes.length;) {
            const size = cuts.next().value;
            received.push(...reader.push(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(JSON.stringify(received)).toBe(JSON.stringify(values));
        },
      ),
    );
  });

  it('refuse a length above the cap before its body arrives', () => {
    const header = Buffer.alloc(4);
    header.writeUInt32LE(maxFrameBytes + 1);
    expect(() => createFrameReader().push(header)).toThrow(AppError);
  });

  it('refuse a body that is not JSON', () => {
    expect(() => createFrameReader().push(Buffer.from([1, 0, 0, 0, 0x7b]))).toThrow('does not hold JSON');
  });
});

describe('signals', () => {
  it('come back whole when two arrive in three pieces', () => {
    const beat = { phase: 'token', steps: 7, sinceStepMs: 12 } as const;
    const bytes = Buffer.concat([encodeCancel(4_000_000_000), encodeHeartbeat(beat)]);
    const reader = createSignalReader();
    const signals = [bytes.subarray(0, 5), bytes.subarray(5, 20), bytes.subarray(20)].flatMap((piece) =>
      reader.push(piece),
    );
    expect(signals).toEqual([
      { kind: 'cancel', ticket: 4_000_000_000 },
      { kind: 'beat', beat },
    ]);
  });
});

describe('messages', () => {
  it('with a field nobody knows are refused', () => {
    expect(requestSchema.safeParse({ type: 'stats', ticket: 1, extra: true }).success).toBe(false);
    expect(replySchema.safeParse({ type: 'result', ticket: 1, value: 2, more: 3 }).success).toBe(false);
  });

  it('with sampling values out of range are refused', () => {
    const request = {
      id: 'r',
      person: 'p',
      prompt: { kind: 'tokens', ids: [1] },
      sampling: { temperature: 9 },
    };
    expect(requestSchema.safeParse({ type: 'generate', ticket: 1, request }).success).toBe(false);
  });
});
