import { describe, expect, it } from 'vitest';
import { catalogue } from './catalogue.ts';
import { formatReference, parseReference } from './reference.ts';

describe('the catalogue', () => {
  it('holds complete references, once each, smallest first', () => {
    for (const { id } of catalogue) {
      const reference = parseReference(id);
      expect(reference.kind).toBe('hub');
      expect(formatReference(reference)).toBe(id);
    }
    expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
    expect(catalogue[0]?.sizeBytes).toBe(Math.min(...catalogue.map(({ sizeBytes }) => sizeBytes)));
  });

  it('has what the four origins ran, and says which of them are gated', () => {
    const gated = Object.fromEntries(catalogue.map(({ id, gated }) => [id, gated]));
    expect(gated).toMatchObject({
      'meta-llama/Llama-2-7b-chat-hf': true,
      'huggyllama/llama-7b+timdettmers/guanaco-7b': false,
      'tiiuae/falcon-7b-instruct': false,
      'TinyLlama/TinyLlama-1.1B-Chat-v1.0': false,
    });
  });

  it('states sizes that fit each other: 16-bit weights go in, between 3 and 8 bits come out', () => {
    for (const { id, parameters, sizeBytes, downloadBytes } of catalogue) {
      expect(downloadBytes / parameters, id).toBeGreaterThan(1.9);
      expect(downloadBytes / parameters, id).toBeLessThan(2.6);
      expect((sizeBytes * 8) / parameters, id).toBeGreaterThan(3);
      expect((sizeBytes * 8) / parameters, id).toBeLessThan(8);
    }
  });
});
