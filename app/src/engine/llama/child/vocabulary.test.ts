import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OracleModel } from '../../../../test/fixtures/llama-library.ts';
import { openNativeContext, type OpenContext } from '../../../../test/fixtures/native-context.ts';
import { writeTinyGguf } from '../../../../test/fixtures/tiny-gguf.ts';
import type { Vocabulary } from './vocabulary.ts';

let folder = '';
let opened: OpenContext;
let oracle: OracleModel;
let vocabulary: Vocabulary;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corral-vocabulary-'));
  const { path } = await writeTinyGguf(folder);
  opened = await openNativeContext(path, { cells: 64, sequences: 1 });
  oracle = new OracleModel(path, { vocabularyOnly: true });
  ({ vocabulary } = opened.model);
});
afterAll(() => {
  oracle.close();
  opened.free();
  rmSync(folder, { recursive: true, force: true });
});

describe('long texts', () => {
  it.each([
    ['only characters that the vocabulary lacks', '語😀'],
    ['lines without end', '\n'],
    ['characters of all kinds', 'The llama. 語語 \ud83d😀😀\n\n  ▁字字'],
    ['control tokens beside characters that the vocabulary lacks', '語</s>語語<s>\n\n語'],
  ])('have the ids that the library gives them in one piece: %s', (_, sample) => {
    const text = sample.repeat(Math.ceil(9000 / sample.length));
    for (const addSpecial of [false, true]) {
      for (const parseSpecial of [false, true]) {
        const whole = oracle.tokenize(text.toWellFormed(), addSpecial, parseSpecial);
        expect(vocabulary.tokenize(text, { addSpecial, parseSpecial })).toEqual(whole);
      }
    }
    const afterBlank = oracle.tokenize(`\n${text.toWellFormed()}`, false);
    const lead = oracle.tokenize('\n', false);
    expect([...lead, ...vocabulary.tokenizeContinuation(text)]).toEqual(afterBlank);
  });

  // The library alone takes minutes for it, and in a child everybody waits for them.
  it('of characters that the vocabulary lacks end', () => {
    const ids = vocabulary.tokenize('語'.repeat(600_000), { addSpecial: true, parseSpecial: false });
    expect(ids.length).toBe(2 + 3 * 600_000);
  });
});
