import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tinyBytePairTokenizer } from '../../../test/fixtures/models/tiny-byte-pairs.ts';
import { AppError } from '../../contracts/app-error.ts';
import { readTokenizerJson } from './tokenizer-json.ts';

const { tokenizer } = tinyBytePairTokenizer('qwen2', 384);
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const model = tokenizer['model'] as Record<string, unknown>;
const withModel = (change: Record<string, unknown>): Uint8Array =>
  bytesOf({ ...tokenizer, model: { ...model, ...change } });

describe('a tokenizer.json', () => {
  it('gives vocabulary, merges and added tokens', () => {
    const found = readTokenizerJson('t', bytesOf(tokenizer));
    expect(found.vocabulary.get('<|endoftext|>')).toBe(0);
    expect(found.added).toEqual([{ id: 0, content: '<|endoftext|>', special: true, normalized: false }]);
    expect(found.merges.length).toBeGreaterThan(10);
    expect(found.byteFallback).toBe(false);
  });

  it('takes merges as pairs too', () => {
    const pairs = (model['merges'] as string[]).map((merge) => merge.split(' '));
    expect(readTokenizerJson('t', withModel({ merges: pairs })).merges).toEqual(pairs);
  });

  it.each([
    ['another kind of model', withModel({ type: 'Unigram' })],
    ['no vocabulary', withModel({ vocab: null })],
    ['an empty vocabulary', withModel({ vocab: {} })],
    ['an id that is no number', withModel({ vocab: { a: 'b' } })],
    ['a negative id', withModel({ vocab: { a: -1 } })],
    ['a very large id', withModel({ vocab: { a: 2 ** 40 } })],
    ['an id twice', withModel({ vocab: { a: 1, b: 1 } })],
    ['a merge of three', withModel({ merges: ['a b c'] })],
    ['merges that are text', withModel({ merges: 'a b' })],
    ['an added token without an id', bytesOf({ ...tokenizer, added_tokens: [{ content: 'x' }] })],
    ['no model', bytesOf({})],
    ['no JSON', Buffer.from('{"model":')],
    ['an array', Buffer.from('[]')],
  ])('refuses %s', (_, bytes) => {
    expect(() => readTokenizerJson('t', bytes)).toThrow(AppError);
  });

  it('takes names of prototypes as the ordinary tokens they are', () => {
    const vocab = JSON.parse('{"__proto__": 0, "constructor": 1, "toString": 2}') as Record<string, number>;
    expect([...readTokenizerJson('t', withModel({ vocab, merges: [] })).vocabulary.keys()]).toEqual([
      '__proto__',
      'constructor',
      'toString',
    ]);
  });

  it('meets any JSON with one clear error', () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 3 }), (change) => {
        try {
          readTokenizerJson('t', withModel(change));
          readTokenizerJson('t', bytesOf({ ...tokenizer, ...change }));
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
