import { expect, test } from 'vitest';
import { promptFormats } from '../config/settings.ts';
import { builtInFormats } from './built-in-formats.ts';

test('the operator may choose each of them, or the model’s own', () => {
  expect(promptFormats).toEqual(['own', ...builtInFormats.map(({ name }) => name)]);
});
