import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { admitJob, createGradioSessions, type GradioJob } from './gradio-sessions.ts';

const hour = 60 * 60_000;
let now = 0;
const clock = { now: () => now };
beforeEach(() => {
  now = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => void vi.useRealTimers());

const newJob = (id: string): GradioJob => ({
  id,
  stop: new AbortController(),
  reader: 'queue',
  isOver: false,
});
const said = [{ role: 'user' as const, content: 'hello' }];

test('a session is remembered for an hour after its last use, and not longer', () => {
  const sessions = createGradioSessions({ clock });
  sessions.of('owner', 'kept').history = said;
  now = hour - 1;
  expect(sessions.of('owner', 'kept').history).toEqual(said);
  now = 2 * hour - 2;
  expect(sessions.of('owner', 'kept').history).toEqual(said);
  now += hour + 1;
  expect(sessions.of('owner', 'kept').history).toEqual([]);
});

test('its hour begins when its last answer is there; until then it is kept, however long that takes', () => {
  const sessions = createGradioSessions({ clock });
  const session = sessions.of('owner', 'slow');
  const job = newJob('1');
  admitJob(session, job);
  now = 2 * hour;
  expect(sessions.findJob('owner', '1')).toBe(job);
  job.isOver = true;
  sessions.jobEnded(session);
  now += hour - 1;
  expect(sessions.of('owner', 'slow')).toBe(session);
});

test('what was said goes out of memory also while nobody asks any more', () => {
  const sessions = createGradioSessions({ clock });
  const session = sessions.of('owner', 'left');
  admitJob(session, { ...newJob('1'), isOver: true });
  now = hour + 1;
  vi.advanceTimersByTime(hour);
  expect(sessions.findJob('owner', '1')).toBeNull();
  expect(vi.getTimerCount()).toBe(0);
});

test('without a hash nothing is remembered once the answer is there', () => {
  const sessions = createGradioSessions({ clock });
  const session = sessions.of('owner', null);
  const job = newJob('1');
  admitJob(session, job);
  expect(sessions.of('owner', null)).not.toBe(session);
  expect(sessions.findJob('owner', '1')).toBe(job);
  job.isOver = true;
  sessions.jobEnded(session);
  expect(sessions.findJob('owner', '1')).toBeNull();
});

test('at most a thousand are kept: those used last, and those at work', () => {
  const sessions = createGradioSessions({ clock });
  const first = sessions.of('owner', 'first');
  const busy = sessions.of('owner', 'busy');
  admitJob(busy, newJob('1'));
  for (let count = 0; count < 1_100; count++) sessions.of('owner', `other-${count}`);
  expect(sessions.of('owner', 'busy')).toBe(busy);
  expect(sessions.of('owner', 'first')).not.toBe(first);
  for (let count = 0; count < 1_100; count++) {
    if (count > 998) expect(() => sessions.of('owner', `at-work-${count}`)).toThrow('too many sessions');
    else admitJob(sessions.of('owner', `at-work-${count}`), newJob(`${count}`));
  }
});

test('nobody finds the jobs of another person', () => {
  const sessions = createGradioSessions({ clock });
  admitJob(sessions.of('owner', 'mine'), newJob('1'));
  expect(sessions.findJob('somebody', '1')).toBeNull();
});
