import { expect, test } from 'vitest';
import { HeardText } from './heard-text.ts';

test('an answer that is told again from its beginning is handed on once, and holds what was said last', () => {
  const heard = new HeardText();
  expect(heard.add(0, 'Once upon')).toBe('Once upon');
  expect(heard.add(9, ' a time')).toBe(' a time');
  expect(heard.add(0, 'Once')).toBe('');
  expect(heard.add(4, ' upon a day')).toBe('');
  expect(heard.add(15, ' there was')).toBe('there was');
  expect(heard.text).toBe('Once upon a day there was');
});
