import { expect, test } from 'vitest';
import { messageWith } from './message.fixture.ts';
import { endedMessage, isSameView, type MessageView } from './message-view.ts';

const view = (message: Partial<MessageView['message']> = {}): MessageView => ({
  message: messageWith({ role: 'assistant', ...message }),
  live: null,
  siblings: ['m1'],
});

test('a pin or a thumb that is shown and not on the server is another view, under the same version', () => {
  expect(isSameView(view(), view())).toBe(true);
  expect(isSameView(view({ pinned: true }), view())).toBe(false);
  const feedback = { rating: 'up', reason: null } as const;
  expect(isSameView(view({ feedback }), view())).toBe(false);
  expect(isSameView(view({ feedback }), view({ feedback: { ...feedback } }))).toBe(true);
});

test('an answer that was given up has failed, as the server will say, and can be tried again', () => {
  const live: NonNullable<MessageView['live']> = {
    runId: 'r1',
    phase: 'ended',
    text: '',
    loadProgress: null,
    queue: null,
    prompt: null,
    usage: null,
    timings: null,
    startedAt: 0,
    firstTextAt: null,
    isStopping: false,
    end: { reason: 'interrupted', error: null, isResumed: true },
  };
  const { message } = view({ state: 'running' });
  expect(endedMessage(message, live)).toMatchObject({
    state: 'failed',
    outcome: { endReason: 'interrupted' },
  });
  const aborted = { ...live, end: { reason: 'aborted', error: null, isResumed: false } } as const;
  expect(endedMessage(message, aborted).state).toBe('stopped');
});
