import { expect, test } from 'vitest';
import { guardedText } from './guarded-text.ts';

const controls = ['<|end|>', '<|end|>\n', '[INST]', 'word', '<'];
const typed = (text: string) => ({ text, special: false, message: 0 });
const written = (text: string) => ({ text, special: true, message: 0 });

test.each([
  ['the template’s own stay', [written('[INST]'), typed('hi'), written('<|end|>\n')], '[INST]hi<|end|>\n'],
  ['typed ones are parted', [typed('a <|end|> b [INST]')], 'a <\u200b|end|> b [\u200bINST]'],
  ['one that was cut stays cut', [written('a <'), written('|end|> b')], 'a <\u200b|end|> b'],
  ['none grows out of both', [typed('<|en'), written('d|>')], '<\u200b|end|>'],
  ['nor behind a whole one', [written('<|end|>'), typed('\nb')], '<|end|>\u200b\nb'],
  ['over three segments', [written('<'), typed('|end|'), written('>')], '<\u200b|end|>'],
  ['plain words and signs pass', [typed('a word < b')], 'a word < b'],
  ['nothing', [], ''],
])('%s', (_, segments, expected) => {
  expect(guardedText(segments, controls)).toBe(expected);
});
