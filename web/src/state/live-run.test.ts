import * as fc from 'fast-check';
import type { Run, RunEvent } from '@corral/app/contracts/runs';
import { expect, test } from 'vitest';
import { LiveRun } from './live-run.ts';

const run: Run = {
  id: '0190a0a0-0000-7000-8000-000000000001',
  chatId: '0190a0a0-0000-7000-8000-000000000002',
  messageId: '0190a0a0-0000-7000-8000-000000000003',
  phase: 'streaming',
  epoch: 1,
  startOffset: 0,
  durableOffset: 0,
  settings: {},
  endReason: null,
  error: null,
  createdAt: 0,
  endedAt: null,
};

type Body<Event> = Event extends unknown ? Omit<Event, 'runId' | 'epoch'> : never;

function event(body: Body<RunEvent>, epoch = 1): RunEvent {
  return { runId: run.id, epoch, ...body };
}

const start = (offset: number, durableOffset = 0, epoch = 1): RunEvent =>
  event(
    {
      type: 'start',
      messageId: run.messageId,
      chatId: run.chatId,
      phase: 'streaming',
      offset,
      durableOffset,
    },
    epoch,
  );

test('text that comes twice, late or in other pieces is shown once', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 })), { maxLength: 40 }),
      (text, reads) => {
        const live = new LiveRun(run, '', 0);
        for (const [from, length] of reads) {
          const effect = live.apply(
            event({
              type: 'text',
              offset: Math.min(from, text.length),
              text: text.slice(from, from + length),
            }),
            1,
          );
          const known = live.view().text;
          expect(text.startsWith(known)).toBe(true);
          if (effect === 'gap') expect(from).toBeGreaterThan(known.length);
        }
        live.apply(
          event({ type: 'text', offset: live.position.from, text: text.slice(live.position.from) }),
          2,
        );
        expect(live.view().text).toBe(text);
      },
    ),
  );
});

test('a newer epoch cuts back to what is durable, and older events are ignored from then on', () => {
  const live = new LiveRun(run, '', 0);
  live.apply(event({ type: 'text', offset: 0, text: 'shown but not durable' }), 1);
  live.apply(start(5, 5, 2), 2);
  expect(live.view().text).toBe('shown');
  expect(live.apply(event({ type: 'text', offset: 5, text: ' old' }, 1), 3)).toBe('none');
  live.apply(event({ type: 'text', offset: 5, text: ' and resumed' }, 2), 4);
  expect(live.view().text).toBe('shown and resumed');
  expect(live.position).toEqual({ from: 17, epoch: 2 });
});

test('the end says how it ended, and a hole before it is noticed', () => {
  const live = new LiveRun(run, '', 0);
  expect(live.apply(event({ type: 'end', reason: 'stop', offset: 4, resumed: false }), 1)).toBe('gap');
  expect(live.isEnded).toBe(false);
  live.apply(event({ type: 'text', offset: 0, text: 'four' }), 2);
  expect(live.apply(event({ type: 'end', reason: 'stop', offset: 4, resumed: true }), 3)).toBe('end');
  expect(live.view().end).toEqual({ reason: 'stop', error: null, isResumed: true });
});

test('a view stays the same object while nothing changes', () => {
  const live = new LiveRun(run, 'kept', 0);
  const before = live.view();
  live.apply(event({ type: 'durable', offset: 2 }), 1);
  expect(live.view()).toBe(before);
  live.apply(event({ type: 'text', offset: 4, text: ' on' }), 2);
  expect(live.view()).not.toBe(before);
});
